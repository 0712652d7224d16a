import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { checkout } from './programs.ts';

/** One call that the application makes with SAP's own SDK. */
export const call = z.strictObject({
  /** `leave`: a stream whose reader goes away after the first words. */
  kind: z.enum(['json', 'stream', 'leave']),
  model: z.string(),
  prompt: z.string(),
  /** Names no limit unless given. */
  maxTokens: z.int().optional(),
});
export type Call = z.infer<typeof call>;

/** What the application saw; `status`, `headers` and `body` as far as there was an answer. */
export const callResult = z.strictObject({
  id: z.int(),
  call,
  outcome: z.enum(['ok', 'denied', 'failed']),
  status: z.int().optional(),
  headers: z.record(z.string(), z.string()),
  finishReason: z.string().optional(),
  totalTokens: z.int().optional(),
  body: z.unknown().optional(),
  /** From the sidecar's receipt: CU it cost, or why nobody knows. */
  spent: z.string().optional(),
  unknown: z.string().optional(),
  message: z.string().optional(),
});
export type CallResult = z.infer<typeof callResult>;

/** The application of a pod: a process of its own with the environment its container would have, and no more. */
export class Application {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, { wanted: Call; resolve: (result: CallResult) => void }>();
  #ended = false;
  readonly env: Record<string, string>;
  #next = 0;
  output = '';

  constructor(env: Record<string, string>) {
    this.env = env;
    const base = {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      SAP_CLOUD_SDK_LOG_LEVEL: 'error',
    };
    const entry = join(checkout, 'test', 'world', 'chat-application.ts');
    this.#child = spawn(process.execPath, [entry], { env: { ...base, ...env }, stdio: 'pipe' });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#take(line));
    this.#child.stderr.on('data', (chunk: Buffer) => (this.output += chunk.toString('utf8')));
    this.#child.on('exit', () => this.#failAll());
  }

  call(wanted: Call): Promise<CallResult> {
    const id = (this.#next += 1);
    if (this.#ended) return Promise.resolve(lost(id, wanted));
    return new Promise((resolve) => {
      this.#waiting.set(id, { wanted, resolve });
      this.#child.stdin.write(`${JSON.stringify({ id, ...wanted })}\n`);
    });
  }

  async stop(): Promise<void> {
    this.#ended = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.stdin.end();
    await gone;
  }

  #take(line: string): void {
    this.output += `${line}\n`;
    if (!line.startsWith('{"id":')) return;
    const result = callResult.parse(JSON.parse(line));
    this.#waiting.get(result.id)?.resolve(result);
    this.#waiting.delete(result.id);
  }

  #failAll(): void {
    this.#ended = true;
    for (const [id, { resolve, wanted }] of this.#waiting) resolve(lost(id, wanted));
    this.#waiting.clear();
  }
}

function lost(id: number, wanted: Call): CallResult {
  return { id, call: wanted, outcome: 'failed', headers: {}, message: 'the application has ended' };
}
