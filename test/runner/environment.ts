import type { V1Container, V1EnvFromSource, V1EnvVar, V1EnvVarSource } from '@kubernetes/client-node';
import type { ContentKind, ReadContent } from './content.ts';
import { RunnerError } from './errors.ts';
import type { Pod } from './kubernetes.ts';
import { podField } from './pod-fields.ts';
import { expandVariables } from './translate.ts';

/** Where values of variables come from. */
export interface EnvironmentSources {
  pod: Pod;
  podIp: string;
  readContent: ReadContent;
}

/**
 * The variables that a container declares, in order, with references and `$(NAME)` resolved and nothing translated yet. Throws
 * `reference_missing` or `unsupported`.
 */
export async function declaredVariables(
  { env = [], envFrom = [] }: Pick<V1Container, 'env' | 'envFrom'>,
  sources: EnvironmentSources,
): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  for (const source of envFrom) {
    for (const [name, value] of await variablesFrom(source, sources)) values.set(name, value);
  }
  for (const variable of env) {
    const value = await valueOf(variable, values, sources);
    if (value !== undefined) values.set(variable.name, value);
  }
  return values;
}

async function variablesFrom(
  { prefix = '', configMapRef, secretRef }: V1EnvFromSource,
  { pod, readContent }: EnvironmentSources,
): Promise<[string, string][]> {
  const reference = configMapRef ?? secretRef;
  if (reference === undefined) return [];
  const kind: ContentKind = configMapRef === undefined ? 'Secret' : 'ConfigMap';
  const { name = '', optional = false } = reference;
  const content = await readContent({ kind, namespace: pod.metadata.namespace ?? '', name, optional });
  return [...(content ?? [])].map(([key, value]) => [`${prefix}${key}`, value.toString('utf8')]);
}

async function valueOf(
  { value = '', valueFrom }: V1EnvVar,
  known: ReadonlyMap<string, string>,
  sources: EnvironmentSources,
): Promise<string | undefined> {
  if (valueFrom === undefined) return expandVariables(value, known);
  const { fieldRef } = valueFrom;
  if (fieldRef !== undefined) return podField(sources.pod, fieldRef.fieldPath, sources.podIp);
  return keyOf(valueFrom, sources);
}

async function keyOf(
  { configMapKeyRef, secretKeyRef }: V1EnvVarSource,
  { pod, readContent }: EnvironmentSources,
): Promise<string | undefined> {
  const reference = configMapKeyRef ?? secretKeyRef;
  if (reference === undefined) {
    throw new RunnerError('unsupported', 'a variable comes from a source that this runner does not know');
  }
  const kind: ContentKind = configMapKeyRef === undefined ? 'Secret' : 'ConfigMap';
  const { name = '', key, optional = false } = reference;
  const content = await readContent({ kind, namespace: pod.metadata.namespace ?? '', name, optional });
  const value = content?.get(key);
  if (value !== undefined) return value.toString('utf8');
  if (optional) return undefined;
  throw new RunnerError('reference_missing', `${kind} "${name}" has no key "${key}": add it`);
}
