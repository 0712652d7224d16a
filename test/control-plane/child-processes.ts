import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ControlPlaneError } from './errors.ts';

// Reads "watch <pid>" and "forget <pid>" lines; when its input ends, whoever wrote them is gone, in whatever way,
// and what is still watched goes too. A shell, because it must outlive a killed Node and weigh nothing.
const WATCHDOG = `
pids=''
while read -r verb pid; do
  case $verb in
    watch) pids="$pids $pid" ;;
    forget) left=''; for each in $pids; do [ "$each" = "$pid" ] || left="$left $each"; done; pids=$left ;;
  esac
done
for each in $pids; do kill -9 "$each" 2>/dev/null; done
[ -n "$1" ] || exit 0
tries=0
until rm -rf "$1" 2>/dev/null || [ $tries -ge 50 ]; do tries=$((tries + 1)); sleep 0.1; done
`;

/**
 * Long-running programs that end with this process, also when it is killed. Each logs to `<logDir>/<name>.log`
 * and leads a process group of its own, so that Ctrl-C reaches only us and we end them in order.
 */
export class ChildProcesses {
  readonly #logDir: string;
  readonly #watchdog: ChildProcess;
  readonly #running = new Map<string, ChildProcess>();

  /** `removeAtEnd` is a directory to delete once all is over; none if it is to stay. */
  constructor({ logDir, removeAtEnd }: { logDir: string; removeAtEnd?: string }) {
    this.#logDir = logDir;
    this.#watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'watchdog', removeAtEnd ?? ''], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // A watchdog that somebody killed must not take us with it.
    this.#watchdog.stdin?.on('error', () => undefined);
    this.#watchdog.unref();
  }

  /**
   * Starts a program under a name that is not running yet, with this process's environment unless `env` is given.
   * Rejects with `process_exited` if it cannot be run.
   */
  async start(
    name: string,
    program: string,
    args: string[],
    { env = process.env }: { env?: NodeJS.ProcessEnv } = {},
  ): Promise<void> {
    const log = openSync(this.logFile(name), 'a', 0o600);
    try {
      const child = spawn(program, args, { detached: true, env, stdio: ['ignore', log, log] });
      await once(child, 'spawn');
      child.once('exit', () => this.#tell('forget', child.pid));
      this.#tell('watch', child.pid);
      this.#running.set(name, child);
    } catch (cause) {
      throw new ControlPlaneError('process_exited', `${program} could not be started`, { cause });
    } finally {
      closeSync(log);
    }
  }

  /** Throws `process_exited`, with the end of its log, if a started program is no longer running. */
  async assertRunning(): Promise<void> {
    for (const [name, child] of this.#running) {
      if (!hasEnded(child)) continue;
      const log = await readFile(this.logFile(name), 'utf8');
      const end = log.trimEnd().split('\n').slice(-8).join('\n');
      throw new ControlPlaneError(
        'process_exited',
        `${name} ended by itself (${child.exitCode ?? child.signalCode}); the end of its log:\n${end}`,
      );
    }
  }

  /**
   * Kills a program at once and waits until it is gone. No SIGTERM: an API server answers that by waiting
   * for its open watches.
   */
  async kill(name: string): Promise<void> {
    const child = this.#running.get(name);
    this.#running.delete(name);
    if (child === undefined || hasEnded(child)) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Asks a program to end and waits until it has; what is still there after `timeoutMs` is killed. */
  async end(name: string, timeoutMs: number): Promise<void> {
    const child = this.#running.get(name);
    if (child === undefined || hasEnded(child)) {
      this.#running.delete(name);
      return;
    }
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const impatience = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    await gone;
    clearTimeout(impatience);
    this.#running.delete(name);
  }

  /** Sends a signal to one program. */
  signal(name: string, signal: NodeJS.Signals): void {
    this.#running.get(name)?.kill(signal);
  }

  /** Process id of a program that was started; undefined when none runs under this name. */
  pid(name: string): number | undefined {
    return this.#running.get(name)?.pid;
  }

  /** Where a program's output goes. */
  logFile(name: string): string {
    return join(this.#logDir, `${name}.log`);
  }

  /** Kills all programs, the last started first, then lets the watchdog clean up and waits for it. */
  async stop(): Promise<void> {
    for (const name of [...this.#running.keys()].reverse()) await this.kill(name);
    if (hasEnded(this.#watchdog)) return;
    const gone = once(this.#watchdog, 'exit');
    this.#watchdog.ref();
    this.#watchdog.stdin?.end();
    await gone;
  }

  #tell(verb: 'watch' | 'forget', pid: number | undefined): void {
    if (pid !== undefined && this.#watchdog.stdin?.writable) this.#watchdog.stdin.write(`${verb} ${pid}\n`);
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
