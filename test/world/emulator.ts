import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { freePorts } from '../control-plane/ports.ts';
import type { BilledRequest } from './comparison.ts';
import type { Programs } from './programs.ts';

/** Most pages of the books that are read: a thousand entries each. */
const maxPages = 100;

const entry = z.object({
  sequence: z.int(),
  requestId: z.string(),
  clientId: z.string(),
  model: z.string(),
  state: z.enum(['running', 'finished']),
  promptTokens: z.int(),
  outputTokens: z.int(),
  capacityUnits: z.string(),
  usageDelivered: z.boolean(),
  cutShort: z.boolean(),
});
const page = z.object({ entries: z.array(entry), next: z.int().optional() });

/** One inference in SAP's books, as the emulator keeps them. */
export type Entry = z.infer<typeof entry> & BilledRequest;

/** What the emulator's configuration file may hold (see its README). */
export type EmulatorSettings = Record<string, unknown>;

/** SAP's stand-in as a process of its own. */
export class Emulator {
  readonly url: string;
  readonly #programs: Programs;

  private constructor(url: string, programs: Programs) {
    this.url = url;
    this.#programs = programs;
  }

  static async start(
    programs: Programs,
    { dir, settings, port }: { dir: string; settings: EmulatorSettings; port?: number },
  ): Promise<Emulator> {
    const [free = 0] = await freePorts(1);
    const config = join(dir, 'emulator.json');
    await writeFile(config, JSON.stringify(settings));
    const chosen = port ?? free;
    const url = `http://127.0.0.1:${chosen}`;
    const args = ['--port', String(chosen), '--config', config];
    await programs.start({
      name: 'emulator',
      entry: 'test/sap-emulator/main.ts',
      args,
      env: {},
      readyUrl: `${url}/__emulator/books`,
    });
    return new Emulator(url, programs);
  }

  /** Every inference in the books, oldest first. */
  async entries(): Promise<Entry[]> {
    const all: Entry[] = [];
    let since = 0;
    for (let pages = 0; pages < maxPages; pages += 1) {
      const answer = await fetch(`${this.url}/__emulator/books?since=${since}`, {
        signal: AbortSignal.timeout(10_000),
      });
      const { entries, next } = page.parse(await answer.json());
      all.push(...entries);
      if (next === undefined) return all;
      since = next;
    }
    throw new Error(`the emulator's books are longer than ${maxPages} pages`);
  }

  /** Asks for faults by rule; see the emulator's README. */
  async addFaults(rules: object[]): Promise<void> {
    const answer = await fetch(`${this.url}/__emulator/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(rules),
      signal: AbortSignal.timeout(10_000),
    });
    if (!answer.ok) throw new Error(`the emulator refused the faults: ${await answer.text()}`);
  }

  /** What was billed today appears in SAP's usage data from now on. */
  async closeDay(): Promise<void> {
    const answer = await fetch(`${this.url}/__emulator/close-day`, {
      method: 'POST',
      signal: AbortSignal.timeout(10_000),
    });
    if (!answer.ok) throw new Error(`the emulator did not close the day: ${await answer.text()}`);
  }

  /** Empty books, and no faults. */
  async reset(): Promise<void> {
    const answer = await fetch(`${this.url}/__emulator/reset`, {
      method: 'POST',
      signal: AbortSignal.timeout(10_000),
    });
    if (!answer.ok) throw new Error(`the emulator was not reset: ${await answer.text()}`);
  }

  /** SIGKILL; its books are gone with it. */
  async kill(): Promise<void> {
    await this.#programs.kill('emulator');
  }
}
