import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ChildProcesses } from '../control-plane/child-processes.ts';
import { eventually } from '../control-plane/eventually.ts';

/** Root of the checkout. */
export const checkout = join(import.meta.dirname, '..', '..');

/** How long a program of ours may take to say that it serves: it starts in under a second on an idle machine. */
const startTimeoutMs = 60_000;

/** A program of this project, started from its source as a user would start it. */
export interface Program {
  name: string;
  /** Relative to the checkout, e.g. `operator/main.ts`. */
  entry: string;
  args?: string[];
  /** The whole environment; nothing of ours is inherited but PATH and HOME. */
  env: Record<string, string>;
  /** Answers 2xx once the program can do its work. */
  readyUrl?: string;
}

/** Runs our programs as child processes that never outlive this process. */
export class Programs {
  readonly #children: ChildProcesses;

  constructor(options: { logDir: string; removeAtEnd?: string }) {
    this.#children = new ChildProcesses(options);
  }

  /** Starts a program and waits until it is ready. Rejects with the end of its log if it ends instead. */
  async start(program: Program): Promise<void> {
    const { name, entry, args = [], env, readyUrl } = program;
    const base = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
    await this.#children.start(name, process.execPath, [join(checkout, entry), ...args], {
      env: { ...base, ...env },
    });
    if (readyUrl) await this.waitReady(name, readyUrl);
  }

  async waitReady(name: string, readyUrl: string): Promise<void> {
    const probe = async (): Promise<true | undefined> => {
      await this.#children.assertRunning();
      return (await answersOk(readyUrl)) ? true : undefined;
    };
    await eventually(probe, { what: `${name} to be ready at ${readyUrl}`, timeoutMs: startTimeoutMs });
  }

  /** The first line a program has printed, once there is one. */
  async firstLine(name: string): Promise<string> {
    const probe = async (): Promise<string | undefined> => {
      await this.#children.assertRunning();
      const text = await this.log(name);
      return text.includes('\n') ? text.slice(0, text.indexOf('\n')) : undefined;
    };
    return eventually(probe, { what: `the first line of ${name}`, timeoutMs: startTimeoutMs });
  }

  /** All that a program has printed so far, over all its starts. */
  async log(name: string): Promise<string> {
    return readFile(this.#children.logFile(name), 'utf8');
  }

  logFile(name: string): string {
    return this.#children.logFile(name);
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(name: string): Promise<void> {
    await this.#children.kill(name);
  }

  /** Sends a signal, and does not wait. */
  signal(name: string, signal: NodeJS.Signals): void {
    this.#children.signal(name, signal);
  }

  /** SIGTERM, and waits until it is gone. */
  async end(name: string): Promise<void> {
    await this.#children.end(name, 30_000);
  }

  async stop(): Promise<void> {
    await this.#children.stop();
  }
}

async function answersOk(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}
