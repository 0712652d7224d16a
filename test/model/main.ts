/**
 * Searches the model of the lease protocol: as it is, to the end, without finding anything; and with one rule switched
 * off after the other, finding something each time. Then takes random walks through it with the real code, which must
 * come to the same figures after every step. Ends with 1 otherwise. `ONLY` names what is to be done (a part of a name
 * or a rule), `SEED` the walks; what TLC says lies in .make/model-check/.
 */
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { interruptible } from '../world/interrupt.ts';
import { type Property, brokenRules, checks, walks } from './checks.ts';
import type { Question } from './configuration.ts';
import { replayWalk } from './replay-walk.ts';
import { type Finding, search, takeWalks } from './tlc.ts';

const folder = join(import.meta.dirname, '../../.make/model-check');
const only = process.env['ONLY'] ?? '';
const seed = Number(process.env['SEED'] ?? '1');
if (!Number.isSafeInteger(seed)) {
  console.error(`SEED=${process.env['SEED']} cannot be used: it must be a whole number`);
  process.exit(2);
}

interface Task {
  id: string;
  name: string;
  /** Whether all is well; prints what was found. */
  run: (signal: AbortSignal) => Promise<boolean>;
}

const tasks: Task[] = [
  ...checks.map((check, index) => searchTask(`check-${index + 1}`, check)),
  ...brokenRules.map((check) => searchTask(`without-${check.rule}`, check, check.violates)),
  { id: 'walks', name: walks.name, run: walkThrough },
].filter(({ id, name }) => `${id} ${name}`.includes(only));

await interruptible(async (signal) => {
  if (tasks.length === 0) {
    console.error(`ONLY=${only} names nothing that can be done`);
    return false;
  }
  await mkdir(folder, { recursive: true });
  const startedMs = performance.now();
  const waiting = [...tasks];
  const worker = async (): Promise<boolean> => {
    let good = true;
    for (let next = waiting.shift(); next; next = waiting.shift()) good = (await next.run(signal)) && good;
    return good;
  };
  // TLC gets one thread each time: two searches together are faster than one after the other with two threads each.
  const results = await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker));
  console.log(`${tasks.length} done in ${Math.round((performance.now() - startedMs) / 1000)} s`);
  return results.every(Boolean);
});

function searchTask(id: string, question: Question, violates?: Property): Task {
  const run = async (signal: AbortSignal): Promise<boolean> => {
    const finding = await search(question, { id, folder, signal });
    const good = finding.violated === violates;
    say(good, question.name, `${figures(finding)}${good ? '' : complaint(finding, violates)}`);
    return good;
  };
  return { id, name: question.name, run };
}

async function walkThrough(signal: AbortSignal): Promise<boolean> {
  const texts = await takeWalks(walks, { ...walks, seed }, { id: 'walks', folder, signal });
  const results = texts.map(replayWalk);
  const difference = results.find((result) => result.difference !== undefined)?.difference;
  const steps = results.reduce((sum, result) => sum + result.steps, 0);
  say(
    difference === undefined,
    walks.name,
    `${steps} steps of ${texts.length} walks done with the code, seed ${seed}`,
  );
  if (difference !== undefined) console.log(`      ${difference}`);
  return difference === undefined;
}

function say(good: boolean, name: string, text: string): void {
  console.log(`${good ? 'ok ' : 'BAD'} ${name}\n      ${text}`);
}

function figures({ generated, distinct, depth, violated, seconds }: Finding): string {
  const states = `${distinct.toLocaleString('en')} states (${generated.toLocaleString('en')} generated)`;
  const end =
    violated === undefined
      ? `all, stories of up to ${depth} states`
      : `${violated} broken in a story of ${depth} states`;
  return `${end}; ${states}, ${seconds.toFixed(0)} s`;
}

function complaint({ violated, logFile }: Finding, wanted: string | undefined): string {
  if (violated === undefined) return `; the model did not notice, expected was ${wanted}`;
  return `; expected was ${wanted ?? 'nothing'}: see ${logFile}`;
}
