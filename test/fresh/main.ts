import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freshEnvironment } from './environment.ts';

const ROOT = join(import.meta.dirname, '..', '..');
// A cold control plane takes ten minutes of two cores; the rest is for slower machines.
const STEP_TIMEOUT_MS = 45 * 60_000;
const GO_SETTINGS = [
  'GOPROXY',
  'GOSUMDB',
  'GONOSUMDB',
  'GOPRIVATE',
  'GONOPROXY',
  'GOINSECURE',
  'GOFLAGS',
  'GOTOOLCHAIN',
];
const NPM_SETTINGS = ['registry', 'cafile', 'proxy', 'https-proxy', 'noproxy'];

interface Step {
  target: string;
  seconds: number;
  outcome: 'ok' | 'failed' | 'timed out' | 'interrupted';
}

/** `node test/fresh/main.ts [target…]`: runs make targets (demo and test unless told) in a fresh clone of HEAD. */
async function main(targets: string[]): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'fresh-'));
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());
  try {
    const steps = await runSteps(dir, { targets, signal: interrupted.signal });
    console.log(summary(steps));
    if (steps.length < targets.length || steps.some(({ outcome }) => outcome !== 'ok')) process.exitCode = 1;
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function runSteps(
  dir: string,
  { targets, signal }: { targets: string[]; signal: AbortSignal },
): Promise<Step[]> {
  const places = { home: join(dir, 'home'), tmp: join(dir, 'tmp') };
  const clone = join(dir, 'clone');
  await mkdir(places.home);
  await mkdir(places.tmp);
  execFileSync('git', ['clone', '--quiet', ROOT, clone], { stdio: 'inherit' });
  const npm = programOnPath('npm');
  const go = programOnPath('go');
  const machine = {
    env: process.env,
    settings: { ...npmSettings(npm), ...goSettings(go) },
    programs: [npm, go],
  };
  const env = freshEnvironment(machine, places);
  const steps: Step[] = [];
  for (const target of targets) {
    const step = await runMake(target, { cwd: clone, env, signal });
    steps.push(step);
    if (step.outcome !== 'ok') break;
  }
  return steps;
}

async function runMake(
  target: string,
  { cwd, env, signal }: { cwd: string; env: Record<string, string>; signal: AbortSignal },
): Promise<Step> {
  const start = performance.now();
  console.log(`\n$ make ${target}    (fresh clone, empty HOME)`);
  const ending = AbortSignal.any([signal, AbortSignal.timeout(STEP_TIMEOUT_MS)]);
  const child = spawn('make', [target], {
    cwd,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  // The group: make itself does not pass a signal on to what its recipes started.
  const kill = (): void => endGroup(child.pid);
  ending.addEventListener('abort', kill, { once: true });
  const [code] = await once(child, 'exit');
  ending.removeEventListener('abort', kill);
  const seconds = Math.round((performance.now() - start) / 1000);
  if (ending.aborted) return { target, seconds, outcome: signal.aborted ? 'interrupted' : 'timed out' };
  return { target, seconds, outcome: code === 0 ? 'ok' : 'failed' };
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGTERM');
  } catch (error) {
    // It may have ended a moment ago.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function summary(steps: Step[]): string {
  const head = execFileSync('git', ['log', '-1', '--format=%h %s'], { cwd: ROOT, encoding: 'utf8' }).trim();
  const lines = steps.map(
    ({ target, seconds, outcome }) =>
      `  make ${target.padEnd(10)} ${String(seconds).padStart(5)} s  ${outcome}`,
  );
  return ['', `in a fresh clone of ${head}, with an empty HOME:`, ...lines].join('\n');
}

/** Looks past our own node_modules, where a Node of our own lies. */
function programOnPath(name: string): string {
  const dirs = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((dir) => dir !== '' && !dir.startsWith(ROOT));
  const found = dirs.map((dir) => join(dir, name)).find(isExecutable);
  if (found === undefined) throw new Error(`${name} was not found on PATH: it is a prerequisite, install it`);
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function goSettings(go: string): Record<string, string> {
  const json = execFileSync(go, ['env', '-json', ...GO_SETTINGS], { encoding: 'utf8', cwd: '/' });
  const settings: unknown = JSON.parse(json);
  return Object.fromEntries(Object.entries(Object(settings)).map(([name, value]) => [name, String(value)]));
}

function npmSettings(npm: string): Record<string, string> {
  const read = (name: string): string =>
    execFileSync(npm, ['config', 'get', name], {
      encoding: 'utf8',
      cwd: '/',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  const set = NPM_SETTINGS.map((name) => [`npm_config_${name.replaceAll('-', '_')}`, read(name)] as const);
  return Object.fromEntries(set.filter(([, value]) => !['', 'null', 'undefined'].includes(value)));
}

const wanted = process.argv.slice(2);
await main(wanted.length > 0 ? wanted : ['demo', 'test']);
