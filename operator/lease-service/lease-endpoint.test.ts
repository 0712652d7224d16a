import { expect, test } from 'vitest';
import { refusal } from '../../accounting/lease-answers.ts';
import { schemaVersion } from '../../accounting/message-parts.ts';
import { systemClock } from '../kube/clock.ts';
import type { LeaseBook, Ledgers } from '../ledger/ledgers.ts';
import { leaseEndpoint } from './lease-endpoint.ts';

const budget = { namespace: 'team-a', name: 'chat' };
const common = { schema: schemaVersion, budget: 'chat', ledgerUid: 'uid' };
const open = { ...common, kind: 'open', processId: '00000000000000aa' };
const figures = { spent: '1', overrun: '0', returned: '0', unknown: [] };
const report = { ...common, kind: 'report', incarnation: 1, seq: 1, ...figures };

/** Sends a message whose caller hangs up while the ledger is looked for; says which kinds were booked. */
async function sendAndLeave(message: object): Promise<{ booked: string[]; done: boolean }> {
  const booked: string[] = [];
  const gone = new AbortController();
  const book: LeaseBook = {
    uid: 'uid',
    budget,
    handle: async (request) => {
      booked.push(request.kind);
      return refusal('row_unknown');
    },
    noteToken: async () => false,
    settleHeld: async () => ({ settled: 0n, released: 0n, gapLeft: 0n }),
    tellParent: async () => undefined,
    hasRow: async () => true,
  };
  const find: Ledgers['find'] = async () => {
    gone.abort();
    return book;
  };
  const endpoint = leaseEndpoint({
    ledgers: { find },
    clock: systemClock,
    leaseSeconds: 300,
    onLedgerUnknown: () => undefined,
  });
  const pod = { namespace: 'team-a', name: 'app', uid: '1' };
  const answer = endpoint({ pod, budgets: [budget], signal: gone.signal }, message);
  const done = await answer.then(
    () => true,
    () => false,
  );
  return { booked, done };
}

test('an open of a process that has gone is not booked: another one may be at work', async () => {
  expect(await sendAndLeave(open)).toEqual({ booked: [], done: false });
});

test('a report of a process that has gone is booked', async () => {
  expect(await sendAndLeave(report)).toEqual({ booked: ['report'], done: true });
});
