import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { maxQuantity } from '../../accounting/amount.ts';
import { encodeMessage, leaseRequest } from '../../accounting/messages.ts';
import { systemClock } from '../clock.ts';
import { Leases } from '../leases.ts';
import { type LedgerCall, ledgerCall } from '../testing/ledger-call.ts';
import { atLeast, whole } from '../testing/wishes.ts';
import { Journal } from './journal.ts';
import type { LeaseHolder } from './holder.ts';

const never = new AbortController().signal;

let folder: string;
let operator: LedgerCall;
let leases: Leases;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'waiting-'));
  operator = ledgerCall('10');
  leases = new Leases({
    folder,
    call: (request, signal) => operator.call(request, signal),
    clock: systemClock,
    times: { waitMs: 300, reportMs: 20, idleReturnMs: 60_000 },
    log: pino({ level: 'silent' }),
    onFatal: (error) => expect.unreachable(error.message),
    onLedgerUnknown: () => {},
  });
});
afterEach(async () => {
  await leases.close(AbortSignal.timeout(10));
  rmSync(folder, { recursive: true, force: true });
});

function holder(): LeaseHolder {
  return leases.of({ budget: 'chat', ledger: { uid: 'ledger-1' } });
}

const outcome = (reservation: Promise<unknown>) =>
  reservation.then(
    () => 'reserved',
    (error: { reason?: string }) => error.reason,
  );

test('a request that costs more than any budget has is refused, and the lease goes on', async () => {
  const amount = maxQuantity * 1000n;
  const wish = { amount, smallest: amount, lower: () => undefined };
  expect(await outcome(holder().reserve('a', wish, never))).toBe('exhausted');
  const sent = operator.messages.map((message) => leaseRequest.safeParse(JSON.parse(encodeMessage(message))));
  expect(sent.map(({ error }) => error)).toEqual(sent.map(() => undefined));
  leases.holders.forEach(({ ledgerUid }) =>
    expect(Journal.open(folder, ledgerUid).replay.state).toBe('whole'),
  );
});

test('an operator that says more is left than it grants is not asked for ever', async () => {
  operator.instead = (request) => {
    if (request.kind === 'report') delete request.ask;
    return undefined;
  };
  expect(await outcome(holder().reserve('a', atLeast('1', '0.5'), never))).toBe('lease_unavailable');
  expect(operator.messages.length).toBeLessThan(20);
});

test('a client that leaves does not wait for those before it', async () => {
  await holder().reserve('a', whole('10'), never);
  const first = outcome(holder().reserve('b', whole('3'), never)).then(() => 'first');
  const leaving = new AbortController();
  const second = outcome(holder().reserve('c', whole('3'), leaving.signal));
  leaving.abort();
  expect(await Promise.race([second, first])).toBe('client_gone');
  expect(holder().waiting).toBe(1);
});

test('a journal of which only the first record was begun is begun anew', async () => {
  writeFileSync(path.join(folder, 'ledger-1.journal'), '1 312 00');
  leases.recover();
  expect(await outcome(holder().reserve('a', whole('1'), never))).toBe('reserved');
  expect(new Set(operator.messages.map(({ budget }) => budget))).toEqual(new Set(['chat']));
});
