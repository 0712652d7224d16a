import { execFile, spawn } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';
import { delimiter } from 'node:path';
import { promisify } from 'node:util';
import type { BinaryName } from './binaries.ts';
import { ControlPlaneError } from './errors.ts';

const OLDEST_GO_MINOR = 25;
const GO_USUAL_PLACE = '/usr/local/go/bin';
const PROGRESS_EVERY_MS = 10_000;
const BUILD_TIMEOUT_MS = 3_600_000;
const VERSION_PACKAGES = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
const INSTALL_GO =
  'install Go 1.25 or newer (https://go.dev/doc/install) so that `go` is on PATH or in /usr/local/go/bin';

// Measured on two cores with an empty build cache, in this order; less when the cache has what they share.
const EXPECTED: Record<BinaryName, string> = {
  'kube-apiserver': 'about 6 minutes',
  'kube-controller-manager': 'about a minute',
  kubectl: 'about half a minute',
  etcd: 'about a minute',
};

/** What to build from and where to put it. */
export interface BuildOptions {
  /** Absolute path of the finished program. It appears there whole or not at all. */
  target: string;
  /** Holds go.mod and go.sum. */
  moduleDir: string;
  /** What the programs say their version is. */
  version: string;
  say: (line: string) => void;
  env: NodeJS.ProcessEnv;
}

/** Builds one program from the Go module proxy. Rejects with `go_missing`, `go_too_old` or `build_failed`. */
export async function buildBinary(name: BinaryName, options: BuildOptions): Promise<void> {
  const { target, moduleDir, version, say } = options;
  const env = {
    ...options.env,
    PATH: `${options.env['PATH'] ?? ''}${delimiter}${GO_USUAL_PLACE}`,
    CGO_ENABLED: '0',
    GOWORK: 'off',
  };
  await assertGo(env);
  const unfinished = `${target}.${process.pid}.unfinished`;
  const args = [
    'build',
    '-trimpath',
    '-mod=readonly',
    '-buildvcs=false',
    `-ldflags=${linkerFlags(version)}`,
    `-o=${unfinished}`,
    packageOf(name),
  ];
  const stopTelling = tellProgress(name, say);
  try {
    await runGo(args, { cwd: moduleDir, env });
    await rename(unfinished, target);
  } catch (cause) {
    throw new ControlPlaneError(
      'build_failed',
      `${name} could not be built from the Go module proxy: ${messageOf(cause)}`,
      { cause },
    );
  } finally {
    stopTelling();
    await rm(unfinished, { force: true });
  }
}

async function assertGo(env: NodeJS.ProcessEnv): Promise<void> {
  const version = await goVersion(env);
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
  if (Number(major) > 1 || Number(minor) >= OLDEST_GO_MINOR) return;
  throw new ControlPlaneError(
    'go_too_old',
    `Go is ${version}, which is too old to build the control plane for the tests: ${INSTALL_GO}`,
  );
}

async function goVersion(env: NodeJS.ProcessEnv): Promise<string> {
  try {
    // Outside the module: a go.mod would make Go fetch another toolchain before it answers.
    const { stdout } = await promisify(execFile)('go', ['env', 'GOVERSION'], {
      env,
      cwd: '/',
      timeout: 60_000,
    });
    return stdout.trim();
  } catch (cause) {
    throw new ControlPlaneError(
      'go_missing',
      `Go was not found or does not run, and the control plane for the tests is built with it: ${INSTALL_GO}`,
      { cause },
    );
  }
}

function packageOf(name: BinaryName): string {
  return name === 'etcd' ? 'go.etcd.io/etcd/server/v3' : `k8s.io/kubernetes/cmd/${name}`;
}

/** Without these the programs call themselves v0.0.0-master and refuse to talk about their version. */
function linkerFlags(version: string): string {
  const [major, minor] = version.slice(1).split('.');
  const values = {
    gitVersion: version,
    gitMajor: major,
    gitMinor: minor,
    gitCommit: '0'.repeat(40),
    gitTreeState: 'clean',
    buildDate: '2026-01-01T00:00:00Z',
  };
  const flags = VERSION_PACKAGES.flatMap((path) =>
    Object.entries(values).map(([key, value]) => `-X ${path}.${key}=${value}`),
  );
  return ['-s', '-w', ...flags].join(' ');
}

function tellProgress(name: BinaryName, say: (line: string) => void): () => void {
  const start = performance.now();
  say(`building ${name}, ${EXPECTED[name]}; this happens once on a machine`);
  const timer = setInterval(() => {
    say(`building ${name}, ${EXPECTED[name]}, ${elapsed(performance.now() - start)} so far`);
  }, PROGRESS_EVERY_MS);
  return () => {
    clearInterval(timer);
    say(`${name}: ${elapsed(performance.now() - start)}`);
  };
}

/** Minutes and seconds, as in 3:20. */
function elapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function runGo(args: string[], { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv }): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, {
      cwd,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: BUILD_TIMEOUT_MS,
    });
    // Go writes a line a module it downloads; only the end can explain a failure.
    let end = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      end = (end + text).slice(-4_000);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`go build ended with ${code ?? signal}:\n${end.trim()}`));
    });
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
