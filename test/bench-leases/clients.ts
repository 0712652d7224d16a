import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';
import { type ClientFiles, type Order, type Result, together } from './orders.ts';

const program = join(import.meta.dirname, 'programs', 'clients.ts');
const times = z.array(z.number());
const answer = z.union([
  z.object({
    result: z.object({ grantMs: times, refusalMs: times, served: z.number(), failed: z.number() }),
  }),
  z.object({ error: z.string() }),
]);

/** Lease clients in some processes of their own. */
export class Clients {
  readonly #processes: ChildProcess[];

  constructor(processes: number) {
    this.#processes = Array.from({ length: processes }, () => fork(program));
  }

  /** Starts the clients, divided among the processes; each has a first grant when it resolves. */
  start(options: { operatorUrl: string; budget: string; clients: readonly ClientFiles[] }): Promise<Result> {
    const { clients, ...same } = options;
    return this.#all((index) => {
      const own = clients.filter((_, at) => at % this.#processes.length === index);
      return { do: 'start', ...same, clients: own };
    });
  }

  traffic({ requestsPerSecond, seconds }: { requestsPerSecond: number; seconds: number }): Promise<Result> {
    const each = requestsPerSecond / this.#processes.length;
    return this.#all(() => ({ do: 'traffic', requestsPerSecond: each, seconds }));
  }

  exhaust(options: { width: number; refusals: number }): Promise<Result> {
    return this.#all(() => ({ do: 'exhaust', ...options }));
  }

  /** Everything idle is returned when it resolves. */
  end(): Promise<Result> {
    return this.#all(() => ({ do: 'end' }));
  }

  stop(): void {
    for (const child of this.#processes) child.kill();
  }

  async #all(order: (index: number) => Order): Promise<Result> {
    return together(await Promise.all(this.#processes.map((child, index) => ask(child, order(index)))));
  }
}

async function ask(child: ChildProcess, order: Order): Promise<Result> {
  const ended = new AbortController();
  const answered = once(child, 'message', { signal: ended.signal });
  const left = once(child, 'exit', { signal: ended.signal }).then(() => {
    throw new Error('a process with lease clients has ended');
  });
  left.catch(() => undefined);
  child.send(order);
  try {
    const [message] = await Promise.race([answered, left]);
    const parsed = answer.parse(message);
    if ('error' in parsed) throw new Error(parsed.error);
    return parsed.result;
  } finally {
    ended.abort();
    answered.catch(() => undefined);
  }
}
