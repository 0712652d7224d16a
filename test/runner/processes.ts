import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { messageOf, RunnerError } from './errors.ts';

// Reads "watch <group>" and "forget <group>" lines; when its input ends, whoever wrote them is gone, in whatever way, and the
// groups still watched go too. A shell, because it must outlive a killed Node and weigh nothing.
const watchdogScript = `
groups=''
while read -r verb group; do
  case $verb in
    watch) groups="$groups $group" ;;
    forget) left=''; for each in $groups; do [ "$each" = "$group" ] || left="$left $each"; done; groups=$left ;;
  esac
done
for each in $groups; do kill -9 "-$each" 2>/dev/null; done
for dir in "$@"; do rm -rf "$dir"; done
`;

/** How a process ended; 128 plus the signal's number where a signal ended it, as a container runtime says it. */
export interface ProcessEnd {
  exitCode: number;
  signal: number | undefined;
}

/** What to run. */
export interface Launch {
  program: string;
  args: string[];
  cwd: string;
  /** The whole environment. */
  env: Record<string, string>;
  /** Standard output and error are appended to it. */
  logFile: string;
}

/** A process that runs, with the group it leads. */
export interface RunningProcess {
  pid: number;
  /** Resolves when it has ended and what was left of its group was killed. */
  ended: Promise<ProcessEnd>;
  /** To the process alone, as a container runtime does it. */
  terminate: () => void;
  /** To its whole group. */
  kill: () => void;
}

/** Process groups that never outlive this process, also when it is killed. */
export class ProcessGroups {
  readonly #watchdog: ChildProcess;
  readonly #running = new Set<RunningProcess>();

  /** `removeAtEnd`: directories that go when this process goes. */
  constructor({ removeAtEnd = [] }: { removeAtEnd?: string[] } = {}) {
    this.#watchdog = spawn('/bin/sh', ['-c', watchdogScript, 'watchdog', ...removeAtEnd], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // A watchdog that somebody killed must not take us with it.
    this.#watchdog.stdin?.on('error', () => undefined);
    this.#watchdog.unref();
  }

  /** Starts a process. Rejects with `spawn_failed`. */
  async start({ program, args, cwd, env, logFile }: Launch): Promise<RunningProcess> {
    const log = openSync(logFile, 'a', 0o600);
    try {
      const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', log, log] });
      await once(child, 'spawn');
      return this.#watch(child);
    } catch (cause) {
      throw new RunnerError(
        'spawn_failed',
        `"${program}" could not be started in ${cwd}: ${messageOf(cause)}`,
        { cause },
      );
    } finally {
      closeSync(log);
    }
  }

  /** Kills what runs, waits until it is gone, and lets the watchdog clean up. */
  async stop(): Promise<void> {
    for (const running of this.#running) running.kill();
    await Promise.all([...this.#running].map(({ ended }) => ended));
    if (this.#watchdog.exitCode !== null || this.#watchdog.signalCode !== null) return;
    const gone = once(this.#watchdog, 'exit');
    this.#watchdog.ref();
    this.#watchdog.stdin?.end();
    await gone;
  }

  #watch(child: ChildProcess): RunningProcess {
    const { pid = 0 } = child;
    this.#tell('watch', pid);
    const ended = once(child, 'exit').then(() => {
      signalTo(-pid, 'SIGKILL');
      this.#tell('forget', pid);
      this.#running.delete(running);
      return endOf(child);
    });
    const running: RunningProcess = {
      pid,
      ended,
      terminate: () => child.kill('SIGTERM'),
      kill: () => signalTo(-pid, 'SIGKILL'),
    };
    this.#running.add(running);
    return running;
  }

  #tell(verb: 'watch' | 'forget', pid: number): void {
    if (this.#watchdog.stdin?.writable) this.#watchdog.stdin.write(`${verb} ${pid}\n`);
  }
}

function signalTo(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal);
  } catch {
    // It is gone, which is what was wanted.
  }
}

function endOf({ exitCode, signalCode }: ChildProcess): ProcessEnd {
  if (signalCode === null) return { exitCode: exitCode ?? 0, signal: undefined };
  const signal = constants.signals[signalCode];
  return { exitCode: 128 + signal, signal };
}
