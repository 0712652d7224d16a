import { parseAmount } from './amount.ts';
import { available, newLedger } from './ledger.ts';
import type { Ledger, LedgerRow } from './ledger.ts';
import { expireRows, handleLeaseRequest, releaseHeld } from './ledger-transitions.ts';
import type { LedgerEvent, Outcome } from './ledger-transitions.ts';
import { schemaVersion } from './message-parts.ts';
import type { LeaseAnswer, OpenRequest, ReportRequest, UnknownCost } from './messages.ts';

/** Begin of the period that these tests are about. */
export const startMs = Date.UTC(2026, 10, 1);
/** The period that these tests are about. */
export const period = { name: '2026-11', startMs, endMs: Date.UTC(2026, 11, 1) };
/** Life of a lease in these tests. */
export const leaseSeconds = 300;
/** Ids of processes of one pod. */
export const processA = '00000000000000aa';
export const processB = '00000000000000bb';
export const processC = '00000000000000cc';

/** That many CU. */
export function cu(text: string | number): bigint {
  return parseAmount(String(text));
}
/** A request of unknown cost. */
export function unknown(
  amount: number | string,
  reason: UnknownCost['reason'] = 'usage_missing',
): UnknownCost {
  return { reason, count: 1, amount: cu(amount), sinceMs: startMs };
}

interface Figures {
  spent?: number;
  overrun?: number;
  returned?: number;
  unknown?: UnknownCost[];
}
function figures({ spent = 0, overrun = 0, returned = 0, unknown: unknowns = [] }: Figures) {
  return { spent: cu(spent), overrun: cu(overrun), returned: cu(returned), unknown: unknowns };
}

/** A ledger, and one pod that sends to it. */
export class Scene {
  readonly ledger: Ledger;
  nowMs = startMs + 1000;
  /** Whether the budget may still grant to its holders. */
  mayGrant = true;
  events: LedgerEvent[] = [];

  constructor(cap = 10) {
    this.ledger = newLedger({ budget: { namespace: 'team-a', name: 'chat' }, period, cap: cu(cap) });
  }

  get row(): LedgerRow {
    const row = this.ledger.rows.get('pod:a');
    if (row === undefined) throw new Error('no row yet');
    return row;
  }
  /** settled, outstanding, held and what is left, in this order. */
  get sums(): bigint[] {
    const { settled, outstanding, held } = this.ledger.totals;
    return [settled, outstanding, held, available(this.ledger)];
  }

  open(
    processId = processA,
    resume?: Figures & { incarnation: number; seq: number },
    olderProcessIds?: string[],
  ): LeaseAnswer {
    const request: OpenRequest = {
      schema: schemaVersion,
      kind: 'open',
      budget: 'chat',
      ledgerUid: 'uid',
      processId,
      ...(olderProcessIds && { olderProcessIds }),
      ...(resume && { resume: { incarnation: resume.incarnation, seq: resume.seq, ...figures(resume) } }),
    };
    return this.#take(handleLeaseRequest(this.ledger, request, this.#context()));
  }

  report(seq: number, { ask, incarnation = 1, key = 'a', ...rest }: ReportOptions = {}): LeaseAnswer {
    const request: ReportRequest = {
      schema: schemaVersion,
      kind: 'report',
      budget: 'chat',
      ledgerUid: 'uid',
      incarnation,
      seq,
      ...figures(rest),
      ...(ask === undefined ? {} : { ask: { need: cu(ask), want: cu(ask) } }),
    };
    return this.#take(handleLeaseRequest(this.ledger, request, this.#context(key)));
  }

  /** Lets the lease run out. */
  expire(): void {
    this.nowMs += (leaseSeconds + 1) * 1000;
    this.events.push(...expireRows(this.ledger, this.nowMs));
  }

  release(held: number, spent: number): void {
    releaseHeld(this.ledger, { key: 'pod:a', held: cu(held), spent: cu(spent) });
  }

  #context(key = 'a') {
    return {
      key: `pod:${key}`,
      name: `team-a/${key}`,
      nowMs: this.nowMs,
      leaseSeconds,
      mayGrant: this.mayGrant,
    };
  }
  #take({ answer, events }: Outcome): LeaseAnswer {
    this.events.push(...events);
    return answer;
  }
}

interface ReportOptions extends Figures {
  ask?: number;
  incarnation?: number;
  key?: string;
}

/** A pod that holds six of ten CU. */
export function holding(): Scene {
  const scene = new Scene();
  scene.open();
  scene.report(1, { ask: 6 });
  return scene;
}
