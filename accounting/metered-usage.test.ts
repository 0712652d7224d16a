import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Lease,
  type LeaseRecord,
  applyRecord,
  newLease,
  orphanRecords,
  snapshotRecord,
} from './lease.ts';
import { answerRecord, openRequest, reportRequest, sentRecord } from './lease-messages.ts';
import { decodeLedger, encodeLedger } from './ledger-text.ts';
import { handleLeaseRequest } from './ledger-transitions.ts';
import { type Ledger, maxMeteredLines, meter, newLedger } from './ledger.ts';
import { encodeMessage, leaseRequest, maxUsageLines } from './messages.ts';
import type { LeaseAnswer, LeaseRequest, MeteredUsage } from './messages.ts';
import { addUsage, nameUsage, sortedUsage, usageKey } from './metered-usage.ts';
import type { MeteredLines } from './metered-usage.ts';
import { decodeUsage, encodeUsage } from './usage-text.ts';

const startMs = Date.UTC(2026, 10, 1);
const endMs = Date.UTC(2026, 11, 1);
const noonMs = Date.UTC(2026, 10, 20, 12);
const dayMs = 86_400_000;

function emptyLedger(): Ledger {
  const period = { name: '2026-11', startMs, endMs };
  return newLedger({ budget: { namespace: 'a', name: 'b' }, period, cap: 1_000_000n });
}

function line(rest: Partial<MeteredUsage> = {}): MeteredUsage {
  const names = { day: '2026-11-20', model: 'gpt-4o', version: '1' };
  return { ...names, input: 1, cacheRead: 2, output: 3, spent: 4n, ...rest };
}

/** A pod over several processes, its journal, and an operator; every message may be lost on either way. */
class Pod {
  ledger = emptyLedger();
  lease: Lease = newLease({ budget: 'b', ledgerUid: 'u', processId: '' });
  /** What is in the journal: survives a process, not a lost journal. */
  #journal: LeaseRecord[] = [];
  #processes = 0;
  #requests = 0;
  #nowMs = noonMs;
  /** What happened, by the pod's own count: only usage whose journal was lost is missing later. */
  readonly happened: MeteredLines = new Map();
  lost = false;

  write(record: LeaseRecord): void {
    this.#journal.push(record);
    applyRecord(this.lease, record);
  }

  /** Runs a message against the ledger, which is stored and read again around it. */
  #call(request: LeaseRequest, arrives: boolean, answered: boolean): LeaseAnswer | undefined {
    if (!arrives) return undefined;
    const parsed = leaseRequest.parse(JSON.parse(encodeMessage(request)));
    const context = { key: 'pod:1', name: 'a/p', nowMs: this.#nowMs, leaseSeconds: 300, mayGrant: true };
    const { answer } = handleLeaseRequest(this.ledger, parsed, context);
    this.ledger = decodeLedger(encodeLedger(this.ledger));
    return answered ? answer : undefined;
  }

  start({
    keepJournal,
    arrives,
    answered,
  }: {
    keepJournal: boolean;
    arrives: boolean;
    answered: boolean;
  }): void {
    if (!keepJournal && this.#journal.length > 0) this.lost = true;
    const journal = keepJournal ? this.#journal : [];
    this.#journal = [];
    this.lease = newLease({ budget: 'b', ledgerUid: 'u', processId: '' });
    for (const record of journal) this.write(record);
    this.#compact();
    this.#processes += 1;
    const processId = this.#processes.toString(16).padStart(16, '0');
    for (const orphan of orphanRecords(this.lease, this.#nowMs)) this.write(orphan);
    const identity = { budget: 'b', ledgerUid: 'u', processId };
    const answer = this.#call(openRequest(identity, this.lease), arrives, answered);
    if (answer?.kind !== 'opened') return;
    const { incarnation, seq, resumed, row } = answer;
    this.write({ type: 'opened', ...identity, incarnation, seq, resumed, row });
  }

  /** Half of the journals are compacted: a snapshot must know the same. */
  #compact(): void {
    if (this.#processes % 2 === 0 || this.lease.incarnation === 0) return;
    this.#journal = [snapshotRecord(this.lease)];
    this.lease = newLease({ budget: 'b', ledgerUid: 'u', processId: '' });
    for (const record of this.#journal) applyRecord(this.lease, record);
  }

  spend(model: string, cost: bigint): void {
    if (this.lease.incarnation === 0) return;
    this.#requests += 1;
    const id = `r${this.#requests}`;
    const usage = { model, version: '1', input: 10, cacheRead: 1, output: 5 };
    this.write({ type: 'reserve', id, amount: 0n, atMs: this.#nowMs });
    this.write({ type: 'settle', id, spent: cost, usage });
    const day = new Date(this.#nowMs).toISOString().slice(0, 10);
    addUsage(this.happened, { day, ...usage, spent: cost }, Number.POSITIVE_INFINITY);
  }

  report({ arrives, answered, twice }: { arrives: boolean; answered: boolean; twice: boolean }): void {
    if (this.lease.incarnation === 0) return;
    const record = this.lease.inFlight ?? sentRecord(this.lease, { need: 1n, want: 10n });
    if (!this.lease.inFlight) this.write(record);
    const request = reportRequest(this.lease, record);
    const answer = this.#call(request, arrives, answered);
    const repeated = twice ? this.#call(request, true, answered) : answer;
    const done = repeated && answerRecord(this.lease, repeated);
    if (done) this.write(done);
  }

  nextDay(): void {
    this.#nowMs += dayMs;
  }
}

const move = fc.oneof(
  fc.record({
    type: fc.constant('spend' as const),
    model: fc.constantFrom('x', 'y'),
    cost: fc.bigInt({ min: 0n, max: 50n }),
  }),
  fc.record({
    type: fc.constant('report' as const),
    arrives: fc.boolean(),
    answered: fc.boolean(),
    twice: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('start' as const),
    // Journals are seldom lost.
    keepJournal: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
    arrives: fc.boolean(),
    answered: fc.boolean(),
  }),
  fc.record({ type: fc.constant('day' as const) }),
);
type Move = typeof move extends fc.Arbitrary<infer T> ? T : never;
const perfect = { arrives: true, answered: true };

function run(pod: Pod, step: Move): void {
  if (step.type === 'spend') pod.spend(step.model, step.cost);
  else if (step.type === 'report') pod.report(step);
  else if (step.type === 'start') pod.start(step);
  else pod.nextDay();
}

function isWithin(some: Ledger['usage'], all: MeteredLines): boolean {
  return [...some].every(([key, { input, spent }]) => {
    const most = all.get(key);
    return most !== undefined && input <= most.input && spent <= most.spent;
  });
}

describe('usage over a lossy channel, with processes that die', () => {
  test('is never counted twice, and completely once everything is told and no journal was lost', () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (steps) => {
        const pod = new Pod();
        pod.start({ keepJournal: true, ...perfect });
        for (const step of steps) {
          run(pod, step);
          expect(isWithin(pod.ledger.usage, pod.happened)).toBe(true);
        }
        pod.start({ keepJournal: true, ...perfect });
        pod.report({ ...perfect, twice: true });
        pod.report({ ...perfect, twice: false });
        const complete = encodeUsage(pod.ledger.usage.values()) === encodeUsage(pod.happened.values());
        expect(complete || pod.lost).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('of a report that was never answered goes along with the next process', () => {
    const pod = new Pod();
    pod.start({ keepJournal: true, ...perfect });
    pod.spend('x', 7n);
    pod.report({ arrives: false, answered: false, twice: false });
    pod.spend('y', 1n);
    pod.start({ keepJournal: true, ...perfect });
    expect([...pod.ledger.usage.keys()]).toEqual(['2026-11-20 x 1']);
    pod.report({ ...perfect, twice: true });
    expect(sortedUsage(pod.ledger.usage.values()).map(({ model, spent }) => [model, spent])).toEqual([
      ['x', 7n],
      ['y', 1n],
    ]);
  });

  test('is on the day its request was reserved', () => {
    const lease = newLease({ budget: 'b', ledgerUid: 'u', processId: 'p' });
    const usage = { model: 'x', version: '1', input: 1, cacheRead: 0, output: 1 };
    applyRecord(lease, {
      type: 'reserve',
      id: 'r',
      amount: 0n,
      atMs: Date.parse('2026-11-20T23:59:59.999Z'),
    });
    applyRecord(lease, { type: 'settle', id: 'r', spent: 3n, usage });
    expect([...lease.usage.keys()]).toEqual(['2026-11-20 x 1']);
  });
});

describe('bounds', () => {
  test('lines beyond them are added to one line of their day, and nothing is lost', () => {
    const ledger = emptyLedger();
    const days = ['2026-11-20', '2026-11-21'];
    const all = Array.from({ length: maxMeteredLines + 50 }, (_, index) =>
      line({ day: days[index % 2] ?? '', model: `m${index}` }),
    );
    meter(ledger, all);
    expect(ledger.usage.size).toBe(maxMeteredLines + 2);
    expect(ledger.usage.get('2026-11-21 * *')).toMatchObject({ input: 25, spent: 100n });
    expect([...ledger.usage.values()].reduce((sum, { spent }) => sum + spent, 0n)).toBe(
      4n * BigInt(all.length),
    );
  });

  test.each([
    { name: 'before the period is its first day', day: '2026-10-31', want: '2026-11-01' },
    { name: 'after it is its last', day: '2027-01-01', want: '2026-11-30' },
    { name: 'that is in no calendar is a day of the period', day: '2026-11-31', want: expect.any(String) },
    { name: 'within it stays', day: '2026-11-30', want: '2026-11-30' },
  ])('a day $name', ({ day, want }) => {
    const ledger = emptyLedger();
    meter(ledger, [line({ day })]);
    expect([...ledger.usage.values()].map((each) => each.day)).toEqual([want]);
  });

  test('a lease keeps no more lines than fit into a message', () => {
    const lease = newLease({ budget: 'b', ledgerUid: 'u', processId: 'p' });
    for (let index = 0; index < maxUsageLines + 10; index += 1) {
      const id = `r${index}`;
      applyRecord(lease, { type: 'reserve', id, amount: 0n, atMs: noonMs });
      const usage = { model: `m${index}`, version: '1', input: 1, cacheRead: 0, output: 0 };
      applyRecord(lease, { type: 'settle', id, spent: 1n, usage });
    }
    const { usage = [] } = sentRecord(lease);
    expect(usage.length).toBeLessThanOrEqual(maxUsageLines);
    expect(usage.reduce((sum, { input }) => sum + input, 0)).toBe(maxUsageLines + 10);
  });

  test.each([
    { given: 'a'.repeat(1_000_000), want: 'a'.repeat(64) },
    { given: 'with blank\nand line', want: 'with?blank?and?line' },
    { given: '', want: '-' },
    { given: 'größer\uD800', want: 'gr??er?' },
  ])('a name of any kind fits into a line: $want', ({ given, want }) => {
    const usage = { model: given, version: '1', input: 0, cacheRead: 0, output: 0 };
    expect(nameUsage(usage).model).toBe(want);
  });
});

describe('the text of usage', () => {
  const name = fc.stringMatching(/^[!-~]{1,32}$/);
  const anyLine = fc.record({
    day: fc.constantFrom('2026-11-01', '2026-11-30'),
    model: name,
    version: name,
    input: fc.nat(),
    cacheRead: fc.nat(),
    output: fc.nat(),
    spent: fc.bigInt({ min: 0n, max: 10n ** 18n }),
  });

  test('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.array(anyLine, { maxLength: 20 }), (all) => {
        const lines: MeteredLines = new Map(all.map((each) => [usageKey(each), each]));
        expect(sortedUsage(decodeUsage(encodeUsage(lines.values())).values())).toEqual(
          sortedUsage(lines.values()),
        );
      }),
    );
  });

  test('of a ledger from before it had any is empty', () => {
    expect(decodeUsage('')).toEqual(new Map());
  });

  test.each(['v2 day', 'v1 day model version input cacheRead output spent\n2026-11-20 m 1 1 1 1', 'x'])(
    'that is none is refused: %s',
    (text) => {
      expect(() => decodeUsage(text)).toThrow(/usage/);
    },
  );
});
