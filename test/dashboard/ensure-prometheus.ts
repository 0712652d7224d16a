import { execFile } from 'node:child_process';
import { access, constants, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { withLock } from '../control-plane/lock.ts';

/** Both come with Debian's package `prometheus`. */
export type PrometheusProgram = 'prometheus' | 'promtool';

/** Where to look, and who hears of progress. */
export interface EnsureOptions {
  say: (line: string) => void;
  env?: NodeJS.ProcessEnv;
}

const run = promisify(execFile);
/** Some 20 MB from the distribution's mirror. */
const downloadTimeoutMs = 300_000;
const install =
  'install Prometheus so that prometheus and promtool are on PATH (Debian, Ubuntu: apt-get install prometheus)';

/**
 * The path of a program of Prometheus: the one on PATH, else the cache's, else taken out of the distribution's package into
 * the cache. The package is not installed: it would start a service. Rejects with what to install where that cannot be.
 */
export async function ensurePrometheus(
  program: PrometheusProgram,
  { say, env = process.env }: EnsureOptions,
): Promise<string> {
  for (const dir of (env['PATH'] ?? '').split(delimiter).filter((entry) => entry !== '')) {
    const path = join(dir, program);
    if (await isExecutable(path)) return path;
  }
  const base = env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
  const dir = join(base, 'sap-ai-budget', 'prometheus');
  const target = join(dir, 'package', 'usr', 'bin', program);
  if (await isExecutable(target)) return target;
  await mkdir(dir, { recursive: true });
  const waiting = (): void => say('another run is fetching Prometheus; waiting for it');
  await withLock({ path: join(dir, 'prometheus.lock'), waiting }, async () => {
    if (!(await isExecutable(target))) await unpack(dir, { say, env });
  });
  return target;
}

async function unpack(
  dir: string,
  { say, env }: { say: EnsureOptions['say']; env: NodeJS.ProcessEnv },
): Promise<void> {
  say("taking Prometheus out of the distribution's package; this happens once on a machine");
  const temporary = await mkdtemp(join(dir, 'fetch-'));
  try {
    await download(temporary, env);
    const file = (await readdir(temporary)).find((name) => name.endsWith('.deb'));
    if (file === undefined) throw new Error('apt-get fetched no package');
    await run('dpkg-deb', ['-x', join(temporary, file), join(temporary, 'package')], { env });
    await rm(join(dir, 'package'), { recursive: true, force: true });
    await rename(join(temporary, 'package'), join(dir, 'package'));
  } catch (cause) {
    throw new Error(`Prometheus is missing and cannot be fetched: ${install}`, { cause });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** A fresh machine has no lists of packages yet; only root may fetch them. */
async function download(cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  const fetch = () =>
    run('apt-get', ['download', '-q', 'prometheus'], { cwd, env, timeout: downloadTimeoutMs });
  try {
    await fetch();
  } catch (error) {
    if (process.getuid?.() !== 0) throw error;
    await run('apt-get', ['update', '-q'], { env, timeout: downloadTimeoutMs });
    await fetch();
  }
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
