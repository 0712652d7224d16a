import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../control-plane/eventually.ts';
import type { Application, Call } from '../world/application.ts';
import type { Verdict } from '../world/comparison.ts';
import { decimalText, exact, nano } from '../world/exact.ts';
import { readBilled, readLedger, type StoredLedger } from '../world/figures.ts';
import { budgetObjects } from '../world/budgets.ts';
import { ledgerRow, heldReasons } from '../world/ledger-lines.ts';
import { judgeSumOfLines } from '../world/metered-lines.ts';
import { type Workload, World } from '../world/world.ts';
import { createRandom } from './random.ts';

const namespace = 'team-a';
const budget = { namespace, name: 'chat' };
const cap = '3';
const sideBySide = 6;

const prompt = 'Which deliveries of the last week are overdue, and by how many days? ';
/** Slow enough that a kill always meets requests under way; every fifth has no usage anyway. */
const calls: Call[] = [
  { kind: 'json', model: 'gpt-4o', prompt: `${prompt}[[out=120]]`, maxTokens: 200 },
  { kind: 'stream', model: 'gpt-4o', prompt: `${prompt}[[out=160]][[fault=slow-chunks]]`, maxTokens: 200 },
  { kind: 'leave', model: 'gpt-4o', prompt: `${prompt}[[out=150]]`, maxTokens: 200 },
  { kind: 'stream', model: 'gpt-4o', prompt: `${prompt}[[out=80]][[fault=slow-first-byte]]`, maxTokens: 200 },
  { kind: 'json', model: 'gpt-4o', prompt: `${prompt}[[out=60]][[fault=no-usage]]`, maxTokens: 100 },
];

interface Run extends KillOptions {
  world: World;
  workload: Workload;
  application: Application;
  random: () => number;
  verdicts: Verdict[];
  /** The most that one request of this run reserved, in CU as decimal text. */
  worstCase: string;
}

export interface KillOptions {
  /** Kills of the sidecar, and as many of the operator. */
  rounds: number;
  seed: number;
  say: (line: string) => void;
  signal?: AbortSignal;
}

/** Kills the sidecar, then the operator, in mid-traffic, `rounds` times each, and judges the books after every kill. */
export async function killInTraffic(options: KillOptions): Promise<Verdict[]> {
  const { seed, say, signal } = options;
  const world = await World.start({ say, ...(signal && { signal }) });
  try {
    await world.kubectl(['create', 'namespace', namespace]);
    await world.apply(...budgetObjects({ ...budget, limit: cap, emulatorUrl: world.emulator.url }));
    await world.budgetCondition(budget, 'Ready', 'True');
    const workload = await world.startWorkload({ namespace, name: 'chat-0', budget: budget.name });
    const application = world.startApplication(workload);
    const random = createRandom(seed);
    const run: Run = { ...options, world, workload, application, random, verdicts: [], worstCase: '0' };
    await killAll(run);
    await application.stop();
    return run.verdicts;
  } finally {
    await world.stop();
  }
}

async function killAll(run: Run): Promise<void> {
  const ended = new AbortController();
  const traffic = Array.from({ length: sideBySide }, (_, index) =>
    keepCalling(run, { index, signal: ended.signal }),
  );
  try {
    for (let round = 1; round <= run.rounds; round += 1) {
      run.signal?.throwIfAborted();
      await killSidecar(run, round);
      await killOperator(run, round);
    }
  } finally {
    ended.abort();
    await Promise.all(traffic);
  }
  await useTheRest(run);
}

/** Calls one after the other; a sidecar that is not there is called again a little later. */
async function keepCalling(
  run: Run,
  { index, signal }: { index: number; signal: AbortSignal },
): Promise<void> {
  for (let number = index; !signal.aborted; number += 1) {
    const call = calls[number % calls.length];
    if (!call) return;
    const result = await run.application.call(call);
    const reserved = result.headers['sapaibudget-cu-reserved'];
    if (reserved && exact(reserved) > exact(run.worstCase)) run.worstCase = reserved;
    if (result.outcome !== 'ok') await pause(50);
  }
}

async function killSidecar(run: Run, round: number): Promise<void> {
  const { world, workload, verdicts } = run;
  await untilSpending(run);
  await world.programs.kill(workload.sidecar.program);
  const [billed, dead] = [await readBilled(world.emulator), await readLedger(world, budget)];
  verdicts.push(
    atMost(`sidecar kill ${round}: billed ≤ settled + held + outstanding`, billed, spentOrOut(dead)),
  );
  const before = ledgerRow(dead).incarnation;
  await workload.sidecar.start();
  const reported = async (): Promise<StoredLedger | undefined> => {
    const ledger = await readLedger(world, budget);
    return ledgerRow(ledger).incarnation > before ? ledger : undefined;
  };
  const ledger = await eventually(reported, {
    what: 'the first report of the restarted sidecar',
    timeoutMs: 30_000,
  });
  verdicts.push(
    atMost(
      `sidecar kill ${round}: after its first report billed ≤ settled + held`,
      billed,
      spentOrHeld(ledger),
    ),
  );
  verdicts.push(explained(`sidecar kill ${round}: every held amount has a reason`, ledger));
}

async function killOperator(run: Run, round: number): Promise<void> {
  const { world, verdicts } = run;
  await untilSpending(run);
  await world.programs.kill('operator');
  const [billed, dead] = [await readBilled(world.emulator), await readLedger(world, budget)];
  verdicts.push(
    atMost(`operator kill ${round}: billed ≤ settled + held + outstanding`, billed, spentOrOut(dead)),
  );
  await pause(run.random() * 500);
  await world.startOperator();
  const reported = async (): Promise<StoredLedger | undefined> => {
    const ledger = await readLedger(world, budget);
    return ledgerRow(ledger).seq > ledgerRow(dead).seq ? ledger : undefined;
  };
  const ledger = await eventually(reported, {
    what: 'a report to the restarted operator',
    timeoutMs: 30_000,
  });
  verdicts.push(
    atMost(
      `operator kill ${round}: after a report billed at the kill ≤ settled + held + under way`,
      billed,
      plus(spentOrHeld(ledger), underWay(run)),
    ),
  );
}

/** Waits until this many requests more are in SAP's books, so that the kill meets traffic. */
async function untilSpending(run: Run): Promise<void> {
  const { world, random } = run;
  const start = (await world.emulator.entries()).length;
  const wanted = start + 4 + Math.floor(random() * 8);
  const probe = async (): Promise<true | undefined> =>
    (await world.emulator.entries()).length >= wanted ? true : undefined;
  await eventually(probe, { what: 'traffic to reach SAP', timeoutMs: 60_000, intervalMs: 10 });
}

/** What is left after all kills can be spent; then the ledger explains SAP's whole bill. */
async function useTheRest(run: Run): Promise<void> {
  const { world, application, verdicts } = run;
  const restBefore = rest(await readLedger(world, budget));
  for (let number = 0; number < 2000; number += 1) {
    const result = await application.call({
      kind: 'json',
      model: 'gpt-4o',
      prompt: `${prompt}[[out=190]]`,
      maxTokens: 200,
    });
    if (result.outcome === 'denied') break;
  }
  await world.programs.end(run.workload.sidecar.program);
  const ledger = await readLedger(world, budget);
  const billed = await readBilled(world.emulator);
  const held = heldReasons(ledger);
  const killed = held.find(({ reason }) => reason === 'process_killed');
  verdicts.push(
    atMost('in the end: billed ≤ settled + held', billed, spentOrHeld(ledger)),
    atMost('in the end: settled + held ≤ cap', spentOrHeld(ledger), exact(cap)),
    atMost(
      `held for killed requests ≤ worst cases under way at ${run.rounds} kills`,
      killed?.amount ?? '0',
      exact(run.worstCase) * BigInt(sideBySide * run.rounds),
    ),
    atMost(
      'gap between ledger and bill ≤ what is held',
      decimalText(spentOrHeld(ledger) - exact(billed)),
      exact(ledger.held) + nano * 10_000n,
    ),
    {
      rule: 'what was left after the last kill could be spent',
      found: `${decimalText(restBefore)} → ${decimalText(rest(ledger))} CU`,
      holds: rest(ledger) < exact(run.worstCase) && ledger.outstanding === '0',
    },
    { rule: 'overrun', found: ledger.overrun, holds: ledger.overrun === '0' },
    judgeSumOfLines(ledger),
  );
  run.say(
    `held in the end: ${held.map(({ reason, count, amount }) => `${reason} ${count} (${amount} CU)`).join(', ') || 'nothing'}`,
  );
}

function rest(ledger: StoredLedger): bigint {
  return exact(ledger.cap) - exact(ledger.settled) - exact(ledger.held);
}

function spentOrHeld(ledger: StoredLedger): bigint {
  return exact(ledger.settled) + exact(ledger.held);
}

function spentOrOut(ledger: StoredLedger): bigint {
  return spentOrHeld(ledger) + exact(ledger.outstanding);
}

function underWay({ worstCase }: Run): bigint {
  return exact(worstCase) * BigInt(sideBySide);
}

function plus(a: bigint, b: bigint): bigint {
  return a + b;
}

function atMost(rule: string, found: string | bigint, most: bigint): Verdict {
  const value = typeof found === 'string' ? exact(found) : found;
  return { rule, found: `${decimalText(value)} / ${decimalText(most)} CU`, holds: value <= most };
}

function explained(rule: string, ledger: StoredLedger): Verdict {
  const lines = heldReasons(ledger);
  const total = lines.reduce((sum, { amount }) => sum + exact(amount), 0n);
  const complete =
    total === exact(ledger.held) && lines.every(({ wayBack, since }) => wayBack !== '' && since !== '');
  return {
    rule,
    found: lines.map(({ reason, count }) => `${reason} ${count}`).join(', ') || 'nothing held',
    holds: complete,
  };
}
