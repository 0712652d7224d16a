import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const program = path.join(import.meta.dirname, 'main.ts');
/** An answer is a few lines of JSON. */
const maxBytes = 1024 * 1024;

/** A part of the work, done by a process of its own: its own memory, its own faults. */
export type Part =
  | { readonly kind: 'seeds'; readonly from: number; readonly to: number }
  | { readonly kind: 'fault'; readonly name: string; readonly seeds: number; readonly shorten: boolean };

/** Has a process do a part; the answer is what it printed, read as JSON. Rejects where it fails. */
export async function inProcess(part: Part): Promise<unknown> {
  const { stdout } = await execute(process.execPath, [program, JSON.stringify(part)], {
    maxBuffer: maxBytes,
  });
  return JSON.parse(stdout);
}

/** Runs these, so many at a time, and gives each its result as it comes. */
export async function inParallel<Given>(
  all: readonly Given[],
  atOnce: number,
  run: (given: Given) => Promise<void>,
): Promise<void> {
  const left = [...all];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await run(next);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
