import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { idle } from '../../accounting/lease.ts';
import { setCap } from '../../accounting/ledger.ts';
import { answerBooked } from '../../accounting/lease-answers.ts';
import { handleLeaseRequest } from '../../accounting/ledger-transitions.ts';
import { grantWaiters } from '../../accounting/ledger-waiting.ts';
import { schemaVersion } from '../../accounting/message-parts.ts';
import type { ReportRequest } from '../../accounting/messages.ts';
import { systemClock } from '../clock.ts';
import { Leases } from '../leases.ts';
import { type LedgerCall, emptyRound, ledgerCall } from '../testing/ledger-call.ts';
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

const reports = () => operator.messages.flatMap((message) => (message.kind === 'report' ? [message] : []));
const asks = () => reports().filter(({ ask }) => ask !== undefined);

/** Lets an ask that waits have what there is once `before` has happened; else a round has ended for it. */
function afterRound(before: () => void | Promise<void>, round = { ...emptyRound, asked: 1 }): void {
  operator.round = async (request, { row }) => {
    await before();
    const own = { ...context(), key: 'pod:1', name: 'team-a/pod' };
    const { incarnation, seq, ask } = request;
    const need = ask?.need ?? 0n;
    const waiter = { key: 'pod:1', incarnation, seq, granted: row.granted, need, sinceMs: 0, context: own };
    const granted = grantWaiters(operator.ledger, [waiter], Date.now());
    const now = answerBooked(operator.ledger, request, own);
    return granted.length > 0 || now.kind !== 'reported' ? now : { ...now, round };
  };
}

test('what is idle is returned at once when others need it, and what requests have reserved is not', async () => {
  await holder().reserve('a', whole('1'), never);
  expect(operator.ledger.totals.outstanding).toBeGreaterThan(cu('1'));
  leases.recall(new Map([['chat', 7]]));
  await until(() => operator.ledger.totals.outstanding === cu('1'));
});

test('a recall of another budget takes nothing', async () => {
  const reservation = await holder().reserve('a', whole('1'), never);
  const { outstanding } = operator.ledger.totals;
  leases.recall(new Map([['other', 7]]));
  reservation.settle(cu('0.5'));
  await holder().reserve('b', whole('6'), never);
  expect(operator.ledger.totals.outstanding).toBeGreaterThan(outstanding);
  expect(holder().lease.returned).toBe(0n);
});

test('a recall is answered by its number, also by a pod that has nothing idle', async () => {
  const reservation = await holder().reserve('a', whole('10'), never);
  expect(idle(holder().lease)).toBe(0n);
  leases.recall(new Map([['chat', 7]]));
  await until(() => reports().some(({ recall }) => recall === 7));
  expect(reports().find(({ recall }) => recall === 7)?.returned).toBe(0n);
  reservation.settle(cu('4'));
  // And what becomes idle a moment later goes back without being asked for again.
  await until(() => operator.ledger.totals.outstanding === 0n);
  expect(reports().filter(({ recall }) => recall !== undefined)).toHaveLength(1);
});

test('a request is served from what another pod gives back, in full', async () => {
  const other = otherPod('8');
  afterRound(() => void other.giveBack('7'));
  expect((await holder().reserve('a', atLeast('5', '1'), never)).amount).toBe(cu('5'));
  expect(asks().map(({ ask }) => ask?.least)).toEqual([undefined, cu('1')]);
});

test('a request that waits gives up all its pod has idle, and gets all of what it needs', async () => {
  const first = await holder().reserve('a', whole('1'), never);
  first.settle(0n);
  const mine = idle(holder().lease);
  const other = otherPod('4');
  afterRound(() => void other.giveBack('2'));
  const second = await holder().reserve('b', whole('8'), never);
  expect(second.amount).toBe(cu('8'));
  const [, , waiting] = asks();
  expect(waiting).toMatchObject({ returned: mine, ask: { need: cu('8'), want: cu('8'), least: cu('8') } });
});

test('a request is refused once a round has ended for it, by its word, and the next one at once', async () => {
  otherPod('8');
  afterRound(() => undefined, { number: 42, beganMsAgo: 0, asked: 3, silent: 1, returned: cu('0.5') });
  const refused = holder().reserve('a', whole('5'), never);
  await expect(refused).rejects.toMatchObject({
    reason: 'exhausted',
    shortage: {
      ledger: { cap: cu('10') },
      round: { number: 42, asked: 3, silent: 1, returned: cu('0.5'), grantable: cu('2') },
    },
  });
  expect(asks()).toHaveLength(2);
  await expect(holder().reserve('b', whole('5'), never)).rejects.toMatchObject({ reason: 'exhausted' });
  expect(asks()).toHaveLength(2);
});

test('a round that began long ago refuses nobody but who waited for it', async () => {
  otherPod('8');
  afterRound(() => undefined, { ...emptyRound, beganMsAgo: 1500 });
  await expect(holder().reserve('a', whole('5'), never)).rejects.toMatchObject({ reason: 'exhausted' });
  const before = asks().length;
  await expect(holder().reserve('b', whole('5'), never)).rejects.toMatchObject({ reason: 'exhausted' });
  expect(asks().length).toBeGreaterThan(before);
});

test('a request is cut short only once a round has ended for it', async () => {
  otherPod('8');
  let rounds = 0;
  afterRound(() => void (rounds += 1));
  const { amount } = await holder().reserve('a', atLeast('5', '1'), never);
  expect(amount).toBe(cu('2'));
  expect(rounds).toBe(1);
});

test('a request that waits for others takes what its own pod frees meanwhile', async () => {
  otherPod('1');
  const first = await holder().reserve('a', whole('9'), never);
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  afterRound(() => ended);
  const second = holder().reserve('b', whole('5'), never);
  await until(() => asks().some(({ ask }) => ask?.least !== undefined));
  first.settle(cu('1'));
  expect((await second).amount).toBe(cu('5'));
  end();
});

test('an answer without a round refuses nobody', async () => {
  otherPod('8');
  let rounds = 0;
  operator.round = (_request, answer) => {
    rounds += 1;
    return rounds < 3 ? answer : { ...answer, round: emptyRound };
  };
  await expect(holder().reserve('a', whole('5'), never)).rejects.toMatchObject({ reason: 'exhausted' });
  expect(rounds).toBe(3);
});

test('what is idle is given back, not spent, while more is out than the cap allows', async () => {
  const first = await holder().reserve('a', whole('1'), never);
  expect(idle(holder().lease)).toBeGreaterThan(cu('1'));
  setCap(operator.ledger, cu('0.5'));
  leases.recall(new Map([['chat', 7]]));
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
  leases.recall(new Map([['chat', 7]]));
  first.settle(cu('1'));
  await until(() => holder().lease.returned === cu('9'));
  // All the rest is on its way back, and the last figures say that nothing is left.
  const second = holder().reserve('b', whole('8'), never);
  resolve();
  expect((await second).amount).toBe(cu('8'));
});
