import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fetch } from 'undici';
import { ChildProcesses } from '../control-plane/child-processes.ts';
import { eventually } from '../control-plane/eventually.ts';

const run = promisify(execFile);
const startMs = 20_000;
const endMs = 10_000;

/** A program and the processor core it has to stay on. */
export interface PinnedProgram {
  readonly core: number;
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Answers with anything below 500 once the program is ready. */
  readonly readyUrl: string;
}

/** Programs that end with this process, each on one core. */
export class PinnedPrograms {
  readonly #children: ChildProcesses;
  readonly #signal: AbortSignal;

  constructor({ folder, signal }: { folder: string; signal: AbortSignal }) {
    this.#children = new ChildProcesses({ logDir: folder, removeAtEnd: folder });
    this.#signal = signal;
  }

  /** Starts a program and waits until it is ready; comes back with its process id. */
  async start(name: string, { core, command, env = {}, readyUrl }: PinnedProgram): Promise<number> {
    await this.#children.start(name, 'taskset', ['-c', String(core), ...command], {
      env: { PATH: process.env['PATH'], ...env },
    });
    const ready = async () => {
      await this.#children.assertRunning();
      return (await statusOf(readyUrl)) < 500 ? true : undefined;
    };
    await eventually(ready, { what: `${name} to answer`, timeoutMs: startMs, signal: this.#signal });
    const pid = this.#children.pid(name);
    if (pid === undefined) throw new Error(`${name} has ended`);
    return pid;
  }

  /** Asks a program to end by itself, for what it writes at its end. */
  async end(name: string): Promise<void> {
    await this.#children.end(name, endMs);
  }

  async stop(): Promise<void> {
    await this.#children.stop();
  }
}

/** Keeps all threads of this process, and those it will start, on one core. */
export async function pinSelf(core: number): Promise<void> {
  await run('taskset', ['-a', '-c', '-p', String(core), String(process.pid)]);
}

async function statusOf(url: string): Promise<number> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await answer.body?.cancel();
    return answer.status;
  } catch {
    return 599;
  }
}
