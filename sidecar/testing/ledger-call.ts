import { parseAmount } from '../../accounting/amount.ts';
import { type Ledger, newLedger } from '../../accounting/ledger.ts';
import { handleLeaseRequest } from '../../accounting/ledger-transitions.ts';
import type { LeaseAnswer, LeaseRequest } from '../../accounting/messages.ts';
import type { LeaseCall } from '../lease/courier.ts';

/** A ledger that answers lease messages in this process. */
export interface LedgerCall {
  readonly ledger: Ledger;
  readonly messages: LeaseRequest[];
  readonly call: LeaseCall;
  leaseSeconds: number;
  /** `lost`: booked, but the answer does not arrive. `down`: not even that. */
  trouble: 'lost' | 'down' | undefined;
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
      const { answer } = handleLeaseRequest(ledger, request, context);
      if (made.trouble === 'lost') throw new Error('the answer was lost');
      return answer;
    },
  };
  return made;
}
