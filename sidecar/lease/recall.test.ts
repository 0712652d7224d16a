import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { idle } from '../../accounting/lease.ts';
import { setCap } from '../../accounting/ledger.ts';
import { handleLeaseRequest } from '../../accounting/ledger-transitions.ts';
import { type ReportRequest, schemaVersion } from '../../accounting/messages.ts';
import { systemClock } from '../clock.ts';
import { Leases } from '../leases.ts';
import { type LedgerCall, ledgerCall } from '../testing/ledger-call.ts';
import { until } from '../testing/stage.ts';
import { atLeast, cu, whole } from '../testing/wishes.ts';
import type { LeaseHolder } from './holder.ts';

const never = new AbortController().signal;

let folder: string;
let operator: LedgerCall;
let leases: Leases;
/** What messages to the operator wait for. */
let delayed: Promise<void> | undefined;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'recall-'));
  operator = ledgerCall('10');
  delayed = undefined;
  leases = new Leases({
    folder,
    call: async (request, signal) => {
      await delayed;
      return operator.call(request, signal);
    },
    clock: systemClock,
    times: { waitMs: 10_000, reportMs: 60_000, idleReturnMs: 60_000 },
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

const context = () => ({
  key: 'pod:2',
  name: 'team-a/other',
  nowMs: Date.now(),
  leaseSeconds: 60,
  mayGrant: true,
});

/** Another pod of the same budget, which holds that much and gives back what it is told to. */
function otherPod(ask: string) {
  const identity = { schema: schemaVersion, budget: 'chat', ledgerUid: 'ledger-1' } as const;
  const send = (seq: number, more: Partial<ReportRequest>) =>
    handleLeaseRequest(
      operator.ledger,
      {
        ...identity,
        kind: 'report',
        incarnation: 1,
        seq,
        spent: 0n,
        overrun: 0n,
        returned: 0n,
        unknown: [],
        ...more,
      },
      context(),
    );
  handleLeaseRequest(
    operator.ledger,
    { ...identity, kind: 'open', processId: '00000000000000bb' },
    context(),
  );
  send(1, { ask: { need: cu(ask), want: cu(ask) } });
  return { giveBack: (amount: string) => send(2, { returned: cu(amount) }) };
}

const asks = () => operator.messages.filter((message) => message.kind === 'report' && message.ask).length;

test('what is idle is returned at once when others need it, and what requests have reserved is not', async () => {
  await holder().reserve('a', whole('1'), never);
  expect(operator.ledger.totals.outstanding).toBeGreaterThan(cu('1'));
  leases.recall(['chat']);
  await until(() => operator.ledger.totals.outstanding === cu('1'));
});

test('a recall of another budget takes nothing', async () => {
  const reservation = await holder().reserve('a', whole('1'), never);
  const { outstanding } = operator.ledger.totals;
  leases.recall(['other']);
  reservation.settle(cu('0.5'));
  await holder().reserve('b', whole('6'), never);
  expect(operator.ledger.totals.outstanding).toBeGreaterThan(outstanding);
  expect(holder().lease.returned).toBe(0n);
});

test('a request is served from what another pod gives back, in full', async () => {
  const other = otherPod('8');
  const reservation = holder().reserve('a', atLeast('5', '1'), never);
  await until(() => asks() === 1);
  other.giveBack('7');
  expect((await reservation).amount).toBe(cu('5'));
});

test('a request is refused once another pod had time to give back, and the next one at once', async () => {
  otherPod('8');
  const refused = holder().reserve('a', whole('5'), never);
  await expect(refused).rejects.toMatchObject({
    reason: 'exhausted',
    shortage: { ledger: { cap: cu('10') } },
  });
  expect(asks()).toBe(4);
  await expect(holder().reserve('b', whole('5'), never)).rejects.toMatchObject({ reason: 'exhausted' });
  expect(asks()).toBe(4);
});

test('a request is cut short only once another pod had time to give back', async () => {
  otherPod('8');
  const { amount } = await holder().reserve('a', atLeast('5', '1'), never);
  expect(amount).toBe(cu('2'));
  expect(asks()).toBeGreaterThanOrEqual(3);
});

test('what is idle is given back, not spent, while more is out than the cap allows', async () => {
  const first = await holder().reserve('a', whole('1'), never);
  expect(idle(holder().lease)).toBeGreaterThan(cu('1'));
  setCap(operator.ledger, cu('0.5'));
  leases.recall(['chat']);
  await until(() => idle(holder().lease) === 0n);
  first.settle(cu('0.6'));
  const refused = holder().reserve('b', whole('0.1'), never);
  await expect(refused).rejects.toMatchObject({ reason: 'exhausted' });
  await until(() => operator.ledger.totals.outstanding === 0n);
  expect(operator.ledger.totals.settled).toBe(cu('0.6'));
});

test('what this pod has just given back itself is no reason to refuse it', async () => {
  const first = await holder().reserve('a', whole('10'), never);
  const { promise, resolve } = Promise.withResolvers<void>();
  delayed = promise;
  leases.recall(['chat']);
  first.settle(cu('1'));
  await until(() => holder().lease.returned === cu('9'));
  // All the rest is on its way back, and the last figures say that nothing is left.
  const second = holder().reserve('b', whole('8'), never);
  resolve();
  expect((await second).amount).toBe(cu('8'));
});
