import { parseAmount } from '../../accounting/amount.ts';
import { type Ledger, newLedger } from '../../accounting/ledger.ts';
import { handleLeaseRequest } from '../../accounting/ledger-transitions.ts';
import type { LeaseAnswer, LeaseRequest, ReportRequest } from '../../accounting/messages.ts';
import type { LeaseCall } from '../lease/courier.ts';

export type Reported = Extract<LeaseAnswer, { kind: 'reported' }>;

/** A round in which nobody is asked. */
export const emptyRound = { number: 1, beganMsAgo: 0, asked: 0, silent: 0, returned: 0n };

/** A ledger that answers lease messages in this process. */
export interface LedgerCall {
  readonly ledger: Ledger;
  readonly messages: LeaseRequest[];
  readonly call: LeaseCall;
  leaseSeconds: number;
  /** `lost`: booked, but the answer does not arrive. `down`: not even that. */
  trouble: 'lost' | 'down' | undefined;
  /** Answers an ask that waits and was not granted: after a round that asks nobody, unless a test says otherwise. */
  round: (request: ReportRequest, answer: Reported) => Promise<LeaseAnswer> | LeaseAnswer;
  /** Answers instead of the ledger. */
  instead: ((request: LeaseRequest) => LeaseAnswer | undefined) | undefined;
}

/** A ledger with this cap (decimal CU) behind a call that can be made to fail. */
export function ledgerCall(cap: string): LedgerCall {
  const ledger = newLedger({
    budget: { namespace: 'team-a', name: 'chat' },
    period: { name: '2026-11', startMs: 0, endMs: Number.MAX_SAFE_INTEGER },
    cap: parseAmount(cap),
  });
  const made: LedgerCall = {
    ledger,
    messages: [],
    leaseSeconds: 60,
    trouble: undefined,
    instead: undefined,
    round: (_request, answer) => ({ ...answer, round: { ...emptyRound, number: Date.now() } }),
    call: async (request) => {
      if (made.trouble === 'down') throw new Error('the operator is down');
      made.messages.push(structuredClone(request));
      const instead = made.instead?.(request);
      if (instead !== undefined) return instead;
      const context = {
        key: 'pod:1',
        name: 'team-a/pod',
        nowMs: Date.now(),
        leaseSeconds: made.leaseSeconds,
        mayGrant: true,
      };
      const granted = grantedTo(ledger);
      const { answer } = handleLeaseRequest(ledger, request, context);
      if (made.trouble === 'lost') throw new Error('the answer was lost');
      const waiting = waitingAsk(request, answer, granted);
      return waiting === undefined ? answer : made.round(waiting.request, waiting.answer);
    },
  };
  return made;
}

function grantedTo({ rows }: Ledger): bigint {
  return rows.get('pod:1')?.granted ?? 0n;
}

/** The ask of a request that waits, if it was not granted; `granted` is what its row had before. */
export function waitingAsk(
  request: LeaseRequest,
  answer: LeaseAnswer,
  granted: bigint,
): { request: ReportRequest; answer: Reported } | undefined {
  if (request.kind !== 'report' || request.ask?.least === undefined) return undefined;
  return answer.kind === 'reported' && answer.row.granted === granted ? { request, answer } : undefined;
}
