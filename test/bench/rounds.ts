import { type AdmissionFigures, measureAdmission } from './admission.ts';
import { closedLoop } from './closed-loop.ts';
import type { Contestant, Course } from './contestants.ts';
import { type LatencySample, type LoadSample, quantile } from './figures.ts';
import { openLoop } from './open-loop.ts';
import { cpuSeconds, residentMiB } from './process-figures.ts';
import { chatPath, chatRequest } from './shapes.ts';
import { authorizationFor } from './sidecar-stage.ts';
import { readStreams } from './streams.ts';

/** How much is measured. */
export interface Plan {
  readonly rounds: number;
  /** Of each contestant in each part of a round. */
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly streams: number;
  readonly connections: number;
  /** Which parts are measured. */
  readonly parts: readonly Part[];
}

/** The parts of a round in which CPU time is measured. */
export const loadPartNames = ['small', 'large', 'stream'] as const;
export type LoadPart = (typeof loadPartNames)[number];

/** All parts of the bench: the loads, and what one decision costs by itself. */
export const partNames = [...loadPartNames, 'admission'] as const;
export type Part = (typeof partNames)[number];

/** What is counted in each. */
export const loadParts: Readonly<Record<LoadPart, string>> = {
  small: 'requests of 1 KB',
  large: 'requests of 100 KB',
  stream: 'streamed chunks',
};

/** Everything that was measured. */
export interface Results {
  readonly load: Readonly<Record<LoadPart, LoadSample[]>>;
  readonly latency: LatencySample[];
  /** Undefined where the part was left out. */
  admission: AdmissionFigures | undefined;
  /** MiB resident before the first request and after the last. */
  readonly memory: { contestant: Contestant['name']; idle: number; loaded: number }[];
}

/**
 * Measures all contestants in turn, round by round, after a warm-up that is not counted: programs are compiled as
 * they run.
 */
export async function measure(
  course: Course,
  plan: Plan,
  { signal, say }: { signal: AbortSignal; say: (line: string) => void },
): Promise<Results> {
  const idle = course.contestants.map(({ pid }) => residentMiB(pid));
  const admission = plan.parts.includes('admission') ? await measureAdmission() : undefined;
  const load = { small: [], large: [], stream: [] };
  const results: Results = { load, latency: [], memory: [], admission };
  await warmUp(course, { plan, signal, say });
  for (let round = 1; round <= plan.rounds; round += 1) {
    say(`round ${round} of ${plan.rounds}`);
    await measureRound(course, { plan, round, target: results, signal });
  }
  course.contestants.forEach(({ name, pid }, index) =>
    results.memory.push({ contestant: name, idle: idle[index] ?? Number.NaN, loaded: residentMiB(pid) }),
  );
  return results;
}

/** So much work of each kind is done before anything counts: what V8 compiles, and how, depends on it. */
const warmUnits = 15_000;
/** And no more loads than these, on a machine that is too busy. */
const maxWarmLoads = 8;

async function warmUp(
  course: Course,
  { plan, signal, say }: { plan: Plan; signal: AbortSignal; say: (line: string) => void },
): Promise<void> {
  for (const contestant of course.contestants)
    for (const part of loadsOf(plan)) {
      let units = 0;
      for (let loads = 0; loads < maxWarmLoads && units < warmUnits; loads += 1) {
        signal.throwIfAborted();
        units += await loadOf(part, { course, contestant, plan });
      }
      say(`warm: ${contestant.name}, ${units} ${loadParts[part]}`);
    }
}

function loadsOf({ parts }: Plan): readonly LoadPart[] {
  return loadPartNames.filter((part) => parts.includes(part));
}

interface Round {
  readonly plan: Plan;
  readonly round: number;
  readonly target: Results;
  readonly signal: AbortSignal;
}

async function measureRound(course: Course, { plan, round, target, signal }: Round): Promise<void> {
  for (const part of loadsOf(plan))
    for (const contestant of course.contestants) {
      signal.throwIfAborted();
      const sample = await loaded(contestant, () => loadOf(part, { course, contestant, plan }));
      target.load[part].push({ round, contestant: contestant.name, ...sample });
    }
  const direct = await latencies(course.direct, plan);
  for (const { name, origin } of course.contestants) {
    signal.throwIfAborted();
    const own = await latencies(origin, plan);
    const added = { p50: own.p50 - direct.p50, p99: own.p99 - direct.p99 };
    target.latency.push({ round, contestant: name, ...added });
  }
}

async function loaded({ pid }: Contestant, load: () => Promise<number>) {
  const [cpu, began] = [cpuSeconds(pid), performance.now()];
  const units = await load();
  return { units, cpuSeconds: cpuSeconds(pid) - cpu, wallSeconds: (performance.now() - began) / 1000 };
}

function loadOf(
  part: LoadPart,
  { course, contestant, plan }: { course: Course; contestant: Contestant; plan: Plan },
): Promise<number> {
  const { origin } = contestant;
  const { seconds, streams, connections } = plan;
  if (part === 'stream') {
    const authorization = authorizationFor('stream');
    return readStreams({ origin, authorization, streams, seconds });
  }
  return closedLoop({
    url: `${origin}${chatPath('whole')}`,
    body: chatRequest({ bytes: part === 'small' ? 1024 : 102_400 }),
    authorization: authorizationFor('whole'),
    connections,
    seconds,
    folder: course.folder,
  });
}

async function latencies(
  origin: string,
  { requestsPerSecond, seconds }: Plan,
): Promise<{ p50: number; p99: number }> {
  const measured = await openLoop({
    origin,
    path: chatPath('whole'),
    body: chatRequest({ bytes: 1024 }),
    authorization: authorizationFor('whole'),
    requestsPerSecond,
    seconds,
  });
  return { p50: quantile(measured, 0.5), p99: quantile(measured, 0.99) };
}
