import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { access, constants, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { buildBinary } from './build.ts';
import { withLock } from './lock.ts';

const MODULE_DIR = join(import.meta.dirname, 'kubernetes-tools');
// The oldest whose `wait`, `get` and `apply` the tests rely on.
const OLDEST_KUBECTL_MINOR = 32;

/** The programs a control plane may need. */
export type BinaryName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kubectl';

/** Absolute path of each; those that were not asked for are empty. */
export type BinaryPaths = Record<BinaryName, string>;

/** Where to look, who hears of progress. */
export interface EnsureOptions {
  say: (line: string) => void;
  env?: NodeJS.ProcessEnv;
}

/** The pinned Kubernetes version, such as `v1.35.8`; from kubernetes-tools/go.mod, its only source. */
export function kubernetesVersion(): string {
  const found = /^require k8s\.io\/kubernetes (v\S+)/m.exec(readFileSync(join(MODULE_DIR, 'go.mod'), 'utf8'));
  if (found?.[1] === undefined)
    throw new Error('kubernetes-tools/go.mod requires no k8s.io/kubernetes: restore it');
  return found[1];
}

/** Where built binaries are kept, outside the work tree so that all clones share them. */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
  return join(base, 'sap-ai-budget', 'control-plane', kubernetesVersion());
}

/**
 * Finds each program by itself (KUBEBUILDER_ASSETS may hold some of them only), in this order: KUBEBUILDER_ASSETS,
 * the cache, for kubectl also PATH; builds the rest into the cache, where two runs at once build only once.
 * Rejects with a ControlPlaneError that says what to install when it cannot build.
 */
export async function ensureBinaries(
  names: readonly BinaryName[],
  options: EnsureOptions,
): Promise<BinaryPaths> {
  const { say, env = process.env } = options;
  const paths: BinaryPaths = { etcd: '', 'kube-apiserver': '', 'kube-controller-manager': '', kubectl: '' };
  for (const name of names)
    paths[name] = (await findBinary(name, env)) ?? (await buildOnce(name, { say, env }));
  return paths;
}

/** The path of a program that is there already, or undefined. */
export async function findBinary(name: BinaryName, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const assets = env['KUBEBUILDER_ASSETS'];
  const places = [...(assets ? [assets] : []), cacheDir(env)].map((dir) => join(dir, name));
  for (const path of places) if (await isExecutable(path)) return path;
  return name === 'kubectl' ? await kubectlOnPath(env) : undefined;
}

async function buildOnce(name: BinaryName, { say, env }: Required<EnsureOptions>): Promise<string> {
  const dir = cacheDir(env);
  await mkdir(dir, { recursive: true });
  return await withLock(
    {
      path: join(dir, `${name}.lock`),
      waiting: () => say(`another run is building ${name}; waiting for it`),
    },
    async () => {
      const built = await findBinary(name, env);
      if (built !== undefined) return built;
      const target = join(dir, name);
      await buildBinary(name, { target, moduleDir: MODULE_DIR, version: kubernetesVersion(), say, env });
      return target;
    },
  );
}

async function kubectlOnPath(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const dir of (env['PATH'] ?? '').split(delimiter)) {
    const path = join(dir, 'kubectl');
    if (dir !== '' && (await isExecutable(path)) && (await isRecentKubectl(path))) return path;
  }
  return undefined;
}

async function isRecentKubectl(path: string): Promise<boolean> {
  try {
    const args = ['version', '--client', '--output=json'];
    const { stdout } = await promisify(execFile)(path, args, { timeout: 20_000 });
    const [, major, minor] = /"gitVersion":\s*"v(\d+)\.(\d+)\./.exec(stdout) ?? [];
    return Number(major) === 1 && Number(minor) >= OLDEST_KUBECTL_MINOR;
  } catch {
    // One that cannot say its version is as good as none.
    return false;
  }
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
