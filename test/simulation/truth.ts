import type { NanoCu } from '../../accounting/amount.ts';

/** What really happens to a request, whoever knows of it. */
export interface TrueRequest {
  readonly reserved: NanoCu;
  /** What SAP will bill if it accepts it. */
  readonly cost: NanoCu;
  /** Whether SAP has accepted it: from then on its cost is spent. */
  sent: boolean;
  /** Whether a process that went on with its journal has learned the cost. */
  learned: boolean;
}

/** SAP's true books of one pod and ledger, and what was broken on purpose there. */
export class Account {
  readonly requests = new Map<string, TrueRequest>();
  /** What SAP bills for all requests that it accepted. */
  billed: NanoCu = 0n;
  /** The part of `billed` within what the requests had reserved. */
  bounded: NanoCu = 0n;
  /** What learned requests cost beyond their reservation. */
  excessLearned: NanoCu = 0n;
  /** What evidence released although it was spent (A3). */
  wronglyReleased: NanoCu = 0n;
  /** Two processes have spent one lease (A2), or a process has gone on with an old journal. */
  twice = false;
  /** A journal was lost: what was not reported by then is known to SAP only. */
  journalLost = false;
  /** A row was folded, released or put back: its holder may be told to begin anew. */
  disturbed = false;
  /** Ids of its last processes, newest first, as the ledger has had them. */
  processIds: string[] = [];
  /** When its processes began, and by which journal. */
  readonly #begun = new Map<string, { order: number; journal: number }>();
  #journals = 0;
  /** Whether the row was folded: nobody will report it any more. */
  folded = false;
  /** What the row had been granted before the report that was booked last. */
  grantedBefore: NanoCu = 0n;
  /** The greatest overrun that an operator has heard of in a report. */
  toldOverrun: NanoCu = 0n;
  /** Metered cost of learned requests with usage. */
  usageLearned: NanoCu = 0n;

  /** Those that begin from now on know nothing of what the journal said. */
  loseJournal(): void {
    this.journalLost = true;
    this.#journals += 1;
  }

  /** A process begins, and writes that down. */
  begin(processId: string): void {
    this.#begun.set(processId, { order: this.#begun.size, journal: this.#journals });
  }

  /** Whether a process began before the other, as that one's journal told it. */
  isBefore(processId: string, other: string): boolean {
    const [one, two] = [this.#begun.get(processId), this.#begun.get(other)];
    return one !== undefined && two !== undefined && one.journal === two.journal && one.order < two.order;
  }

  /** SAP accepts a request. */
  send(request: TrueRequest): void {
    request.sent = true;
    this.billed += request.cost;
    this.bounded += request.cost < request.reserved ? request.cost : request.reserved;
  }

  /** A holder has learned what a request cost. */
  learn(request: TrueRequest, { withUsage }: { withUsage: boolean }): void {
    request.learned = true;
    if (!request.sent) return;
    if (request.cost > request.reserved) this.excessLearned += request.cost - request.reserved;
    if (withUsage) this.usageLearned += request.cost;
  }

  /** What the part of a request within its reservation costs by now. */
  static boundedCost({ sent, cost, reserved }: TrueRequest): NanoCu {
    if (!sent) return 0n;
    return cost < reserved ? cost : reserved;
  }
}
