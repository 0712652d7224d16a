import { execFile, spawn } from 'node:child_process';
import { access, constants, mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { withLock } from '../control-plane/lock.ts';

/** Major versions of Helm that people install charts with. */
export const helmMajors = [3, 4] as const;
export type HelmMajor = (typeof helmMajors)[number];

const versions: Record<HelmMajor, string> = { 3: 'v3.22.0', 4: 'v4.3.1' };
const goUsualPlace = '/usr/local/go/bin';
const buildTimeoutMs = 1_800_000;
const runTimeoutMs = 120_000;
const progressEveryMs = 10_000;
const maxOutput = 16 * 1024 * 1024;

/** What Helm printed and how it ended. */
export interface HelmResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Where to look, and who hears of progress. */
export interface HelmOptions {
  say: (line: string) => void;
  env?: NodeJS.ProcessEnv;
}

/**
 * The path of Helm in this major version: the one on PATH, else the cache's, else built from the Go module proxy into the cache
 * (three minutes on two cores, once a machine). Rejects with what to install where it cannot be built.
 */
export async function ensureHelm(major: HelmMajor, { say, env = process.env }: HelmOptions): Promise<string> {
  for (const dir of (env['PATH'] ?? '').split(delimiter).filter((entry) => entry !== '')) {
    const path = join(dir, 'helm');
    if ((await isExecutable(path)) && (await majorOf(path)) === major) return path;
  }
  const dir = join(cacheBase(env), 'sap-ai-budget', 'helm', versions[major]);
  const target = join(dir, 'helm');
  if (await isExecutable(target)) return target;
  await mkdir(dir, { recursive: true });
  const waiting = (): void => say(`another run is building Helm ${major}; waiting for it`);
  await withLock({ path: join(dir, 'helm.lock'), waiting }, async () => {
    if (!(await isExecutable(target))) await build(major, { dir, say, env });
  });
  return target;
}

/** Runs Helm against the cluster of a kubeconfig, with no settings of whoever runs it; any exit code resolves. */
export function runHelm(
  path: string,
  args: string[],
  { kubeconfig = '/dev/null', home }: { kubeconfig?: string; home: string },
): Promise<HelmResult> {
  const env = { PATH: process.env['PATH'], HOME: home, KUBECONFIG: kubeconfig };
  return new Promise((resolve, reject) => {
    execFile(path, args, { env, timeout: runTimeoutMs, maxBuffer: maxOutput }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

function cacheBase(env: NodeJS.ProcessEnv): string {
  return env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Undefined for one that cannot say its version. */
async function majorOf(path: string): Promise<number | undefined> {
  const said = await runHelm(path, ['version', '--short'], { home: '/nonexistent' }).catch(() => undefined);
  const [, major] = /^v(\d+)\./.exec(said?.stdout ?? '') ?? [];
  return major === undefined ? undefined : Number(major);
}

async function build(
  major: HelmMajor,
  { dir, say, env }: { dir: string; say: HelmOptions['say']; env: NodeJS.ProcessEnv },
): Promise<void> {
  const bin = join(dir, `bin.${process.pid}`);
  const settings = { GOBIN: bin, CGO_ENABLED: '0', GOWORK: 'off' };
  const path = `${env['PATH'] ?? ''}${delimiter}${goUsualPlace}`;
  const started = performance.now();
  say(`building Helm ${versions[major]}, about 3 minutes; this happens once on a machine`);
  const timer = setInterval(
    () =>
      say(`building Helm ${versions[major]}, ${Math.round((performance.now() - started) / 1000)} s so far`),
    progressEveryMs,
  );
  try {
    await goInstall(`helm.sh/helm/v${major}/cmd/helm@${versions[major]}`, {
      ...env,
      ...settings,
      PATH: path,
    });
    await rename(join(bin, 'helm'), join(dir, 'helm'));
  } finally {
    clearInterval(timer);
    await rm(bin, { recursive: true, force: true });
  }
}

function goInstall(module: string, env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const args = ['install', '-trimpath', module];
    const child = spawn('go', args, {
      env,
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: buildTimeoutMs,
    });
    let end = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      end = (end + text).slice(-4000);
    });
    const install =
      'install Helm 3 and 4, or Go 1.25 or newer (https://go.dev/doc/install), so that it is on PATH';
    child.once('error', (cause) => reject(new Error(`Go does not run: ${install}`, { cause })));
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`Helm could not be built (${code ?? signal}): ${install}\n${end.trim()}`));
    });
  });
}
