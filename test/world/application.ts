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
  message: z.string().optional(),
});
export type CallResult = z.infer<typeof callResult>;

/** The application of a pod: a process of its own with the environment its container would have, and no more. */
export class Application {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, (result: CallResult) => void>();
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
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.stdin.write(`${JSON.stringify({ id, ...wanted })}\n`);
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.stdin.end();
    await gone;
  }

  #take(line: string): void {
    this.output += `${line}\n`;
    if (!line.startsWith('{"id":')) return;
    const result = callResult.parse(JSON.parse(line));
    this.#waiting.get(result.id)?.(result);
    this.#waiting.delete(result.id);
  }

  #failAll(): void {
    for (const [id, resolve] of this.#waiting) {
      const none: Call = { kind: 'json', model: '', prompt: '' };
      resolve({ id, call: none, outcome: 'failed', headers: {}, message: 'the application ended' });
    }
    this.#waiting.clear();
  }
}
