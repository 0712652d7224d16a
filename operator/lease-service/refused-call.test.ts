import { expect, test } from 'vitest';
import type { EndpointErrorReason } from './errors.ts';
import { refusedCallEvent } from './refused-call.ts';

const pod = { namespace: 'team-a', name: 'app', uid: '1' };

test('a pod that calls for another budget is told on the pod, with what to do', () => {
  expect(refusedCallEvent({ pod, reason: 'ledger_of_other_budget' })).toEqual({
    type: 'Warning',
    reason: 'LedgerOfOtherBudget',
    action: 'ServeSidecar',
    note: 'A call with the token of this pod was refused, and nothing of it was booked: the ledger belongs to another budget: fetch the configuration again.',
  });
});

test('a pod that reports to a ledger that is not there is told so on the pod', () => {
  expect(refusedCallEvent({ pod, reason: 'ledger_unknown' })).toMatchObject({
    type: 'Warning',
    reason: 'LedgerUnknown',
    note: expect.stringContaining('a SapAiLedger that is not there'),
  });
});

test.each<EndpointErrorReason>(['busy', 'ledger_unavailable', 'process_superseded', 'stopping'])(
  'what passes by itself is no event: %s',
  (reason) => {
    expect(refusedCallEvent({ pod, reason })).toBeUndefined();
  },
);
