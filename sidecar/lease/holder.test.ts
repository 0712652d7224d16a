import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { idle } from '../../accounting/lease.ts';
import { totalsOf } from '../../accounting/ledger.ts';
import type { LeaseRefusalReason } from '../../accounting/messages.ts';
import { systemClock } from '../clock.ts';
import { Leases } from '../leases.ts';
import { type LedgerCall, ledgerCall } from '../testing/ledger-call.ts';
import { until } from '../testing/stage.ts';
import { atLeast, cu, whole } from '../testing/wishes.ts';
import type { LeaseHolder } from './holder.ts';

const never = new AbortController().signal;
const budget = { budget: 'chat', ledger: { uid: 'ledger-1' } };
const times = { waitMs: 300, reportMs: 20, idleReturnMs: 60_000 };

let folder: string;
let operator: LedgerCall;
let leases: Leases;
let fatal: Error[];
let ledgerUnknown: number;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'holder-'));
  operator = ledgerCall('10');
  fatal = [];
  ledgerUnknown = 0;
  leases = newLeases();
});
afterEach(async () => {
  await leases.close(AbortSignal.timeout(10));
  rmSync(folder, { recursive: true, force: true });
});

/** Ends the calls of the leases before it: to the operator they are dead. */
let endCalls = () => {};

function newLeases(changed: Partial<typeof times> = {}, clock = systemClock): Leases {
  endCalls();
  let alive = true;
  endCalls = () => (alive = false);
  return new Leases({
    folder,
    call: async (request, signal) => (alive ? operator.call(request, signal) : new Promise<never>(() => {})),
    clock,
    times: { ...times, ...changed },
    log: pino({ level: 'silent' }),
    onFatal: (error) => fatal.push(error),
    onLedgerUnknown: () => (ledgerUnknown += 1),
  });
}

/** What a killed process leaves is its folder: another one starts on it. */
async function kill(): Promise<void> {
  const left = mkdtempSync(path.join(tmpdir(), 'holder-'));
  cpSync(folder, left, { recursive: true });
  rmSync(folder, { recursive: true });
  folder = left;
  leases = newLeases();
  leases.recover();
  await until(() => holder().phase === 'open');
}

function refuseReports(reason: LeaseRefusalReason, howOften = Number.POSITIVE_INFINITY): void {
  let left = howOften;
  operator.instead = (request) => {
    if (request.kind === 'open' || left <= 0) return undefined;
    left -= 1;
    return { schema: 1, kind: 'refused', reason, message: 'refused by the test' };
  };
}

function holder(): LeaseHolder {
  return leases.of(budget);
}

const outcome = (reservation: Promise<unknown>) =>
  reservation.then(
    () => 'reserved',
    (error: { reason?: string }) => error.reason,
  );

describe('reserving', () => {
  test('calls nobody while the lease covers it', async () => {
    const first = await holder().reserve('a', whole('0.1'), never);
    const calls = operator.messages.length;
    const second = await holder().reserve('b', whole('0.1'), never);
    expect(operator.messages.length).toBe(calls);
    expect([first.amount, second.amount]).toEqual([cu('0.1'), cu('0.1')]);
  });

  test('gets all of the cap and not one nano-CU more', async () => {
    await holder().reserve('a', whole('10'), never);
    expect(await outcome(holder().reserve('b', whole('0.000000001'), never))).toBe('exhausted');
    expect(operator.ledger.totals.outstanding).toBe(cu('10'));
  });

  test('waits for requests under way to give back before it refuses', async () => {
    const first = await holder().reserve('a', whole('9'), never);
    const second = holder().reserve('b', whole('5'), never);
    await until(() => holder().waiting === 1);
    first.settle(cu('1'));
    expect((await second).amount).toBe(cu('5'));
  });

  test('refuses when requests under way did not give back in time', async () => {
    await holder().reserve('a', whole('9'), never);
    const refused = holder().reserve('b', whole('5'), never);
    expect(holder().waiting).toBe(1);
    await expect(refused).rejects.toMatchObject({
      reason: 'exhausted',
      shortage: { ledger: { cap: cu('10'), outstanding: cu('9') } },
    });
  });

  test('refuses at once what no request under way could make possible', async () => {
    await holder().reserve('a', whole('9'), never);
    expect(await outcome(holder().reserve('b', whole('11'), never))).toBe('exhausted');
  });

  test('lowers itself only as far as needed, and only when asking and waiting did not help', async () => {
    const first = await holder().reserve('a', whole('7'), never);
    first.settle(cu('7'));
    const lowered = await holder().reserve('b', atLeast('5', '1'), never);
    expect(lowered.amount).toBe(cu('3'));
    lowered.settle(0n);
    expect((await holder().reserve('c', whole('3'), never)).amount).toBe(cu('3'));
  });

  test('repeats of a refusal within a second are decided without a call', async () => {
    await holder()
      .reserve('a', whole('10'), never)
      .then((reservation) => reservation.settle(cu('10')));
    await outcome(holder().reserve('b', whole('1'), never));
    const calls = operator.messages.filter((message) => message.kind === 'report' && message.ask).length;
    for (let index = 0; index < 5; index += 1)
      await outcome(holder().reserve(`c${index}`, whole('1'), never));
    expect(operator.messages.filter((message) => message.kind === 'report' && message.ask).length).toBe(
      calls,
    );
  });

  test('serves those who wait in order of arrival', async () => {
    const first = await holder().reserve('a', whole('10'), never);
    const order: string[] = [];
    const waiting = ['b', 'c', 'd'].map((id) =>
      holder()
        .reserve(id, whole('3'), never)
        .then(() => order.push(id)),
    );
    first.settle(0n);
    await Promise.all(waiting);
    expect(order).toEqual(['b', 'c', 'd']);
  });

  test('lets a client go that has left while it waited', async () => {
    await holder().reserve('a', whole('10'), never);
    const leaving = new AbortController();
    const second = holder().reserve('b', whole('3'), leaving.signal);
    leaving.abort();
    expect(await outcome(second)).toBe('client_gone');
    expect(holder().waiting).toBe(0);
  });
});

describe('reporting', () => {
  test('repeats the same figures until it is answered, and is booked once', async () => {
    const first = await holder().reserve('a', whole('4'), never);
    operator.trouble = 'lost';
    first.settle(cu('2'));
    await until(
      () => operator.messages.filter((message) => message.kind === 'report' && message.spent > 0n).length > 1,
    );
    operator.trouble = undefined;
    await until(() => holder().lease.inFlight === undefined && operator.ledger.totals.settled === cu('2'));
    const repeats = operator.messages.filter((message) => message.kind === 'report' && message.spent > 0n);
    expect(
      new Set(repeats.map((message) => JSON.stringify(message, (_, value: unknown) => String(value)))).size,
    ).toBe(1);
    expect(operator.ledger.totals.settled).toBe(cu('2'));
  });

  test('says what is unknown, and settles an overrun in full', async () => {
    const [a, b] = [
      await holder().reserve('a', whole('1'), never),
      await holder().reserve('b', whole('2'), never),
    ];
    a.settle(cu('1.5'));
    a.settle(cu('9'));
    b.unknown('usage_missing');
    await until(() => operator.ledger.totals.settled > 0n && operator.ledger.totals.held > 0n);
    expect(operator.ledger.totals).toMatchObject({ settled: cu('1.5'), overrun: cu('0.5'), held: cu('2') });
  });

  test('returns what is idle after a time without traffic', async () => {
    leases = newLeases({ idleReturnMs: 30 });
    (await holder().reserve('a', whole('1'), never)).settle(cu('0.25'));
    await until(() => operator.ledger.totals.outstanding === 0n);
    expect(operator.ledger.totals).toEqual({ settled: cu('0.25'), outstanding: 0n, held: 0n, overrun: 0n });
    expect(idle(holder().lease)).toBe(0n);
  });

  test('winds up the lease of an older period and removes its journal', async () => {
    const first = await holder().reserve('a', whole('1'), never);
    leases.keepOnly(new Set(['ledger-2']));
    expect(readdirSync(folder)).toEqual(['ledger-1.journal']);
    first.settle(cu('0.5'));
    await until(() => leases.holders.length === 0);
    expect(readdirSync(folder)).toEqual([]);
    expect(operator.ledger.totals).toEqual({ settled: cu('0.5'), outstanding: 0n, held: 0n, overrun: 0n });
  });
});

describe('without an operator', () => {
  test(
    'the lease that is paid for is spent on, and then refused as unavailable',
    { timeout: 15_000 },
    async () => {
      await holder().reserve('a', whole('1'), never);
      operator.trouble = 'down';
      while (idle(holder().lease) >= cu('1')) await holder().reserve(crypto.randomUUID(), whole('1'), never);
      expect(await outcome(holder().reserve('z', whole('1'), never))).toBe('lease_unavailable');
      // One after the other they would take longer than this test has.
      const refused = Array.from({ length: 20 }, (_, index) =>
        outcome(holder().reserve(`y${index}`, whole('1'), never)),
      );
      expect(new Set(await Promise.all(refused))).toEqual(new Set(['lease_unavailable']));
      operator.trouble = undefined;
      await until(
        async () => (await outcome(holder().reserve(crypto.randomUUID(), whole('1'), never))) === 'reserved',
      );
    },
  );

  test('nothing is reserved before the lease is open', async () => {
    operator.trouble = 'down';
    expect(await outcome(holder().reserve('a', whole('1'), never))).toBe('lease_unavailable');
  });

  test('a lease that has ended is not spent until a report has reclaimed it', async () => {
    operator.leaseSeconds = 2;
    await holder().reserve('a', whole('1'), never);
    operator.trouble = 'down';
    const endsAtMs = holder().last?.endsAtMs ?? 0;
    await until(() => performance.now() > endsAtMs);
    expect(idle(holder().lease)).toBeGreaterThan(0n);
    expect(await outcome(holder().reserve('b', whole('0.001'), never))).toBe('lease_unavailable');
    operator.trouble = undefined;
    await until(
      async () =>
        (await outcome(holder().reserve(crypto.randomUUID(), whole('0.001'), never))) === 'reserved',
    );
  });
});

describe('a refused report', () => {
  test('for a newer process is fatal', async () => {
    const first = await holder().reserve('a', whole('1'), never);
    refuseReports('process_superseded');
    first.settle(cu('1'));
    await until(() => fatal.length === 1);
    expect(await outcome(holder().reserve('b', whole('0.1'), never))).toBe('lease_unavailable');
  });

  test.each(['report_backwards', 'figures_too_large'] as const)(
    'as %s bars the lease for ever',
    async (reason) => {
      const first = await holder().reserve('a', whole('1'), never);
      refuseReports(reason);
      first.settle(cu('1'));
      await until(() => holder().phase === 'barred');
      operator.instead = undefined;
      expect(await outcome(holder().reserve('b', whole('0.1'), never))).toBe('lease_unavailable');
      leases.keepOnly(new Set(['ledger-2']));
      await until(() => leases.holders.length === 0);
      expect(readdirSync(folder)).toEqual(['ledger-1.journal']);
    },
  );

  test.each(['sequence_gap', 'row_unknown'] as const)(
    'for %s opens again once nothing is under way, and loses nothing',
    async (reason) => {
      const [a, b] = [
        await holder().reserve('a', whole('1'), never),
        await holder().reserve('b', whole('1'), never),
      ];
      refuseReports(reason, 1);
      a.settle(cu('0.5'));
      await until(() => holder().phase === 'reopening');
      b.settle(cu('0.25'));
      await until(() => holder().phase === 'open' && holder().lease.incarnation === 2);
      await until(() => operator.ledger.totals.settled === cu('0.75'));
      expect(operator.ledger.totals.held).toBe(0n);
      expect(await outcome(holder().reserve('c', whole('9'), never))).toBe('reserved');
    },
  );

  test('for an unknown ledger asks for the configuration and keeps the journal', async () => {
    const first = await holder().reserve('a', whole('1'), never);
    refuseReports('ledger_unknown');
    first.settle(cu('1'));
    await until(() => ledgerUnknown > 0);
    expect(await outcome(holder().reserve('b', whole('1'), never))).toBe('lease_unavailable');
    expect(readdirSync(folder)).toEqual(['ledger-1.journal']);
  });
});

describe('after a process was killed', () => {
  test('what was under way is held with a reason, and the rest is usable', async () => {
    const done = await holder().reserve('a', whole('1'), never);
    await holder().reserve('b', whole('2'), never);
    done.settle(cu('0.5'));
    await kill();
    expect(operator.ledger.totals).toMatchObject({ settled: cu('0.5'), held: cu('2') });
    const [row] = operator.ledger.rows.values();
    expect(row?.unknownCosts).toMatchObject([{ reason: 'process_killed', count: 1, amount: cu('2') }]);
    expect(await outcome(holder().reserve('c', whole('7.5'), never))).toBe('reserved');
    expect(await outcome(holder().reserve('d', whole('0.000000001'), never))).toBe('exhausted');
  });

  test('usage that it had not told is told, also where nothing is left to return', async () => {
    const all = await holder().reserve('a', whole('10'), never);
    all.settle(cu('10'), { model: 'm', version: '1', input: 1, cacheRead: 0, output: 2 });
    await kill();
    await until(() => operator.ledger.usage.size > 0);
    expect([...operator.ledger.usage.values()]).toMatchObject([{ model: 'm', spent: cu('10') }]);
  });

  test('a lost journal makes its whole rest held', async () => {
    await holder().reserve('a', whole('1'), never);
    const granted = operator.ledger.totals.outstanding;
    rmSync(path.join(folder, 'ledger-1.journal'));
    leases = newLeases();
    await holder().reserve('b', whole('1'), never);
    expect(operator.ledger.totals.held).toBe(granted);
    const [row] = operator.ledger.rows.values();
    expect(row && totalsOf(row)).toEqual(operator.ledger.totals);
  });
});

test('a pod that uses its grants up at once asks for more each time, and so more rarely', async () => {
  operator = ledgerCall('100000');
  leases = newLeases({}, { ...systemClock, monotonicMs: () => 1000 });
  for (let index = 0; index < 50; index += 1) await holder().reserve(`r${index}`, whole('1'), never);
  const asks = operator.messages.flatMap((message) =>
    message.kind === 'report' && message.ask !== undefined ? [message.ask.want] : [],
  );
  expect(asks).toEqual([cu('8'), cu('16'), cu('32')]);
});

describe('a lease whose period is over', () => {
  test('refuses who waits for it at once, to be admitted in the next period', async () => {
    leases = newLeases({ waitMs: 60_000 });
    await holder().reserve('a', whole('9'), never);
    const waiting = outcome(holder().reserve('b', whole('5'), never));
    await until(() => holder().waiting === 1);
    leases.keepOnly(new Set(['ledger-2']));
    expect(await waiting).toBe('lease_unavailable');
  });

  test('ends also when its journal cannot be removed', async () => {
    const first = await holder().reserve('a', whole('1'), never);
    first.settle(cu('1'));
    const file = path.join(folder, 'ledger-1.journal');
    rmSync(file);
    mkdirSync(file);
    leases.keepOnly(new Set(['ledger-2']));
    await until(() => leases.holders.length === 0);
    expect([operator.ledger.totals.settled, operator.ledger.totals.outstanding]).toEqual([cu('1'), 0n]);
    expect(fatal).toEqual([]);
  });
});
