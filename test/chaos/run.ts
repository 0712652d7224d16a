import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../control-plane/eventually.ts';
import { createRandom } from '../kill/random.ts';
import { chat } from '../world/chat.ts';
import type { Verdict } from '../world/comparison.ts';
import { decimalText } from '../world/exact.ts';
import type { Workload } from '../world/world.ts';
import { breakBounds } from './break-bounds.ts';
import { type Fault, faults } from './faults.ts';
import { judgeEnd, judgeNow } from './judge.ts';
import { type Scene, leave, spendable, startScene } from './scene.ts';
import { Affordable } from './affordable.ts';
import { textOf } from './report.ts';
import { type Tally, addTally, count, emptyTally, keepCalling, needOf } from './traffic.ts';

/** How old figures may be by which a request is refused, and a little more. */
const figuresMs = 1_200;

export interface ChaosOptions {
  operators: number;
  sidecars: number;
  /** Faults one after the other. */
  rounds: number;
  seed: number;
  say: (line: string) => void;
  signal?: AbortSignal;
}

/** What a run came to. */
export interface ChaosReport {
  verdicts: Verdict[];
  /** Of the rounds, with faults. */
  inFaults: Tally;
  /** Of the time after them, without. */
  calm: Tally;
}

/**
 * Operators and sidecars as processes, traffic near the cap, and one fault after the other; the books are compared after
 * each. Then all is calm: what is left is spent to its end, and every pod ends in order.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { say, rounds, seed, signal } = options;
  const scene = await startScene(options);
  try {
    const random = createRandom(seed);
    const report: ChaosReport = { verdicts: [], inFaults: emptyTally(), calm: emptyTally() };
    await leave((await costOfOne(scene)) * BigInt(scene.pods.length), scene);
    for (let round = 0; round < rounds; round += 1) {
      signal?.throwIfAborted();
      const fault = chosen(round, seed);
      say(`round ${round + 1} of ${rounds}: ${fault.name}`);
      const tally = emptyTally();
      report.verdicts.push(...(await playRound(scene, { fault, random, tally, round })));
      say(`  ${textOf(tally)}`);
      addTally(report.inFaults, tally);
    }
    report.verdicts.push(neverUnavailable(report.inFaults));
    say('no more faults: the rest is spent');
    report.verdicts.push(...(await spendTheRest(scene, report.calm)));
    say('bounds are broken on purpose');
    report.verdicts.push(...(await breakBounds(scene)));
    for (const { sidecar } of scene.pods) await scene.world.programs.end(sidecar.program);
    report.verdicts.push(...(await judgeEnd(scene)));
    return report;
  } finally {
    await scene.world.stop();
  }
}

/** Each of them in turn, beginning where the seed says: a run of as many rounds has them all. */
function chosen(round: number, first: number): Fault {
  const fault = faults[(first + round) % faults.length];
  if (fault === undefined) throw new RangeError('there are no faults');
  return fault;
}

/** What a request reserves, so that the cap can be kept near what is spent (exact CU). */
async function costOfOne(scene: Scene): Promise<bigint> {
  const [pod] = scene.pods;
  if (pod === undefined) throw new RangeError('there are no pods');
  const sentAtMs = performance.now();
  const result = await chat(pod, { maxTokens: 200 });
  if (result.status !== 200) throw new Error(`the first request was refused: ${JSON.stringify(result)}`);
  await count(result, { scene, affordable: new Affordable(scene), tally: emptyTally(), sentAtMs });
  return scene.worstCase;
}

async function playRound(
  scene: Scene,
  { fault, random, tally, round }: { fault: Fault; random: () => number; tally: Tally; round: number },
): Promise<Verdict[]> {
  // Enough for a few requests of each pod: the cap is reached while the fault lasts.
  const requests = Math.ceil(scene.pods.length * (0.5 + random() * 3));
  await leave(scene.worstCase * BigInt(requests), scene);
  const ended = new AbortController();
  const traffic = keepCalling(scene, tally, ended.signal);
  try {
    await pause(200 + random() * 500);
    const during = (ms: number): Promise<void> => pause(ms * (0.7 + random() * 0.6));
    await fault.happen(scene, { random, during });
    await pause(500);
  } finally {
    ended.abort();
    await traffic;
  }
  const name = `round ${round + 1}`;
  return judgeWhenReadable(scene, `${name} (${fault.name})`);
}

/** Pods have leases: that a ledger cannot be written for now is no reason to refuse them. */
function neverUnavailable({ refused }: Tally): Verdict {
  const times = refused.get('budget_unavailable') ?? 0;
  const rule = 'while faults last: nobody is told that the budget cannot be used';
  return { rule, found: String(times), holds: times === 0 };
}

/** The API server may be a moment away still. */
function judgeWhenReadable(scene: Scene, when: string): Promise<Verdict[]> {
  const probe = async (): Promise<Verdict[] | undefined> => judgeNow(scene, when).catch(() => undefined);
  return eventually(probe, { what: 'the ledger to be read', timeoutMs: 120_000, intervalMs: 500 });
}

/** What became of one call, the only one under way; `phantom`: it was refused what was there before it. */
async function callOnce(
  pod: Workload,
  { scene, tally }: { scene: Scene; tally: Tally },
): Promise<'served' | 'refused' | 'phantom'> {
  const affordable = new Affordable(scene);
  await affordable.look();
  const sentAtMs = performance.now();
  const result = await chat(pod, { outTokens: 100, maxTokens: 200 });
  await count(result, { scene, affordable, tally, sentAtMs });
  if (result.status === 200) return 'served';
  const [needed, left] = [needOf(result), await affordable.leastSince(sentAtMs)];
  return needed !== undefined && left !== undefined && left >= needed ? 'phantom' : 'refused';
}

/** Pod after pod calls, one call at a time, until each of them in a row is refused what nobody could have paid for. */
async function spendTheRest(scene: Scene, tally: Tally): Promise<Verdict[]> {
  await leave(scene.worstCase * BigInt(2 * scene.pods.length), scene);
  let refusedInARow = 0;
  let phantom = 0;
  for (let number = 0; refusedInARow < scene.pods.length && number < 5_000; number += 1) {
    const pod = scene.pods[number % scene.pods.length];
    if (pod === undefined) break;
    const first = await callOnce(pod, { scene, tally });
    // By figures that are less than a second old a request may be refused although there is more by now.
    if (first === 'phantom') await pause(figuresMs);
    const told = first === 'phantom' ? await callOnce(pod, { scene, tally }) : first;
    refusedInARow = told === 'served' ? 0 : refusedInARow + 1;
    if (told === 'phantom') phantom += 1;
  }
  const left = await spendable(scene);
  return [
    { rule: 'calm: refused while affordable', found: String(phantom), holds: phantom === 0 },
    {
      rule: 'calm: stranded is less than a request',
      found:
        left === undefined
          ? 'a sidecar did not answer'
          : `${decimalText(left)} / ${decimalText(scene.worstCase)} CU`,
      holds: left !== undefined && left < scene.worstCase,
    },
  ];
}
