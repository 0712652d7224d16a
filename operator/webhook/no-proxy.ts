import { literalOf, sets, withValue } from './environment.ts';
import type { EnvVar } from './pod.ts';

const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];
/** Some clients read the one, some the other, and some prefer the one they find first: both say the same. */
const exceptionNames = ['NO_PROXY', 'no_proxy'];
const loopback = ['127.0.0.1', 'localhost'];
/** Keeps a list that comes from a ConfigMap or the like, so that ours can refer to it. */
const keptName = 'SAPAIBUDGET_POD_NO_PROXY';

/**
 * Keeps calls to the sidecar away from the pod's proxy: Python clients send even loopback traffic there unless told otherwise.
 * Changes nothing in a container without a proxy. `envFrom` may bring one unseen, and is treated as if it did.
 */
export function exemptLoopback(env: readonly EnvVar[], hasEnvFrom: boolean): EnvVar[] {
  const hasProxy = hasEnvFrom || [...proxyNames, ...exceptionNames].some((name) => sets(env, name));
  if (!hasProxy) return [...env];
  let changed = keepReferred(env);
  const values = exceptionNames.map((name) => withLoopback(listFor(env, name, hasEnvFrom)));
  for (const [index, name] of exceptionNames.entries())
    changed = withValue(changed, name, values[index] ?? '');
  return changed;
}

/** The list that a variable has now, or would have if it said the same as its twin. */
function listFor(env: readonly EnvVar[], name: string, hasEnvFrom: boolean): string {
  const names = [name, ...exceptionNames.filter((other) => other !== name)];
  const set = names.find((candidate) => sets(env, candidate));
  if (set !== undefined) return literalOf(env, set) ?? `$(${keptName})`;
  // What is not defined stays as it is written here, and matches no host.
  return hasEnvFrom ? `$(${name})` : '';
}

function isList({ name }: EnvVar): boolean {
  return exceptionNames.includes(name);
}

/** Renames what is set from elsewhere, and puts it before both lists: the kubelet resolves references to what came before. */
function keepReferred(env: readonly EnvVar[]): EnvVar[] {
  const referred = env.find((entry) => isList(entry) && entry.value === undefined);
  if (referred === undefined) return [...env];
  const first = env.findIndex(isList);
  return env.flatMap((entry, index) => {
    const kept = index === first ? [{ ...referred, name: keptName }] : [];
    return entry === referred || entry.name === keptName ? kept : [...kept, entry];
  });
}

function withLoopback(list: string): string {
  const entries = list
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (entries.includes('*')) return list;
  const missing = loopback.filter((host) => !entries.includes(host));
  return missing.length === 0 ? list : [...entries, ...missing].join(',');
}
