import type { NanoCu } from '../../accounting/amount.ts';
import { type Ledger, isLedgerKey } from '../../accounting/ledger.ts';
import { answerBooked } from '../../accounting/lease-answers.ts';
import { type LedgerEvent, handleLeaseRequest } from '../../accounting/ledger-transitions.ts';
import { type MessageContext, mayGrant } from '../../accounting/message-context.ts';
import { grantWaiters } from '../../accounting/ledger-waiting.ts';
import type { LeaseAnswer, LeaseRequest, ReportRequest } from '../../accounting/messages.ts';
import type { RoundFacts, Waiter } from '../../accounting/recall.ts';
import type { Clock } from '../kube/clock.ts';
import { Admissions } from './admissions.ts';
import type { Grants } from './ledger-account.ts';
import { LedgerError } from './ledger-error.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import type { ParentSide } from './parent-side.ts';
import type { RecallRounds } from './recall-rounds.ts';
import type { Upkeep } from './upkeep.ts';

/** A sidecar leaves its home after 3.5 s without an answer, and gives a call up after 5: what waits is answered before. */
const answerWithinMs = 3000;

/** What the messages of one ledger's holders are answered with. */
export interface MessageDeskOptions {
  writer: LedgerWriter;
  rounds: RecallRounds;
  clock: Clock;
  /** Of a ledger that is a holder in another one. */
  parent: ParentSide | undefined;
  grants: () => Grants;
  /** Told of what failed without anybody waiting for it. */
  onFailure: (upkeep: Upkeep, error: unknown) => void;
}

/** With the time by which it is answered. */
type InTime = MessageContext & { answerByMs: number };

/** A message that is stored. */
interface Booked {
  answer: LeaseAnswer;
  /** It asked for something, for the first time, and was not granted it. */
  denied: boolean;
}

/** Books the messages of holders, one ledger's, and answers them once that is stored. */
export class MessageDesk {
  readonly #options: MessageDeskOptions;
  readonly #admissions: Admissions;

  constructor(options: MessageDeskOptions) {
    this.#options = options;
    this.#admissions = new Admissions(options.writer);
  }

  /**
   * The answer to a message, once it is stored; to an ask for a request that waits, once that is granted or a recall round
   * has ended for it.
   *
   * @throws LedgerError, LedgerTextError; the signal's reason
   */
  async handle(request: LeaseRequest, context: MessageContext, signal?: AbortSignal): Promise<LeaseAnswer> {
    const { grants, parent, rounds, clock, onFailure } = this.#options;
    const answerByMs = context.answerByMs ?? clock.nowMs() + answerWithinMs;
    const holder = { ...context, answerByMs, mayGrant: context.mayGrant && grants() !== 'never' };
    await this.#refuseEarly(request, holder);
    const { answer, denied } = await this.#bookOnce(request, holder);
    // What has just come back is what the parent waits for.
    if (parent?.isRecalled) parent.tell().catch((error: unknown) => onFailure('tell_parent', error));
    if (!denied || request.kind === 'open') return answer;
    const least = request.ask?.least;
    if (least !== undefined) return this.#wait(request, { least, holder, signal });
    // Nobody waits below for one answer: a ledger asks again when something has come back.
    if (isLedgerKey(holder.key)) void rounds.recallAll();
    return answer;
  }

  /**
   * Refuses an ask as long as nobody has looked at the budget. What it tells is booked all the same: where the ledger above is
   * lost, that may be for long.
   */
  async #refuseEarly(request: LeaseRequest, holder: InTime): Promise<void> {
    const mayAsk = !holder.mayGrant || this.#options.grants() !== 'undecided';
    if (mayAsk || this.#needOf(request, holder.key) === 0n) return;
    await this.#bookOnce(request, { ...holder, mayGrant: false });
    throw new LedgerError('unavailable', 'the operator has not looked at this budget yet: ask again');
  }

  #bookOnce(request: LeaseRequest, holder: InTime): Promise<Booked> {
    const { parent } = this.#options;
    const { key, answerByMs: untilMs } = holder;
    const need = holder.mayGrant ? this.#needOf(request, key) : 0n;
    const book = () => this.#book(request, holder, need);
    const run = () => (parent ? parent.with({ key, need, untilMs }, book) : book());
    return this.#ledger.rows.has(key) ? run() : this.#admissions.admit(run);
  }

  /** What a message asks for that was not booked before. */
  #needOf(request: LeaseRequest, key: string): NanoCu {
    if (request.kind === 'open' || request.seq <= (this.#ledger.rows.get(key)?.seq ?? 0)) return 0n;
    return request.ask?.need ?? 0n;
  }

  /** Stores a message, and tells the recall round under way of it. */
  async #book(request: LeaseRequest, context: MessageContext, need: NanoCu): Promise<Booked> {
    const { writer, rounds } = this.#options;
    const { key } = context;
    const number = request.kind === 'report' ? request.recall : undefined;
    if (number !== undefined) rounds.noteHeard(key, number);
    const holder = { ...context, ...this.#figures(key) };
    const change = (ledger: Ledger) => {
      const { seq } = ledger;
      const before = ledger.rows.get(key);
      const { answer, events } = handleLeaseRequest(ledger, request, holder);
      const row = ledger.rows.get(key);
      // One that came twice and is booked by now has been granted what it asks for, or waits already.
      const isNews = before !== undefined && row !== undefined && row.seq > before.seq;
      const denied = need > 0n && isNews && row.granted === before.granted && answer.kind === 'reported';
      const result = { answer, denied, isNews, returned: (row?.returned ?? 0n) - (before?.returned ?? 0n) };
      // Also a repeated message, which changes nothing, is answered with figures that are true now.
      return { result, events, mustBeStored: ledger.seq === seq };
    };
    try {
      const patient = this.#isPatient(request, key);
      const { returned, isNews, ...booked } = await writer.submit(change, { patient });
      // What comes once more gives nothing back that has become idle since.
      const all = isNews && request.kind === 'report' && request.ask?.least !== undefined;
      rounds.noteReport({ key, returned, number, all, waits: !isNews || (all && booked.denied) });
      return booked;
    } catch (error) {
      rounds.noteLost(key);
      throw error;
    }
  }

  /** A report that only tells what was spent: nobody waits for its answer, and nobody for what it gives back. */
  #isPatient(request: LeaseRequest, key: string): boolean {
    // A ledger sends one message at a time, and what it asks for must not wait for what it tells.
    if (request.kind !== 'report' || request.ask !== undefined || isLedgerKey(key)) return false;
    if (request.recall !== undefined) return false;
    return request.returned <= (this.#ledger.rows.get(key)?.returned ?? 0n);
  }

  /** Keeps the answer to a report until its ask is granted, or a recall round has ended for it. */
  async #wait(
    request: ReportRequest,
    { least, holder, signal }: { least: NanoCu; holder: InTime; signal?: AbortSignal | undefined },
  ): Promise<LeaseAnswer> {
    const { rounds, clock } = this.#options;
    const waiter = waiterOf(request, holder, this.#ledger);
    const { answerByMs: untilMs } = holder;
    let facts = await rounds.wait({ waiter, least, context: holder, untilMs, signal });
    signal?.throwIfAborted();
    if (facts && !(await this.#isRefusedAbove(waiter, holder))) facts = undefined;
    if (facts && !(await this.#bearsOut(facts, { waiter, least, holder }))) facts = undefined;
    const nowMs = clock.nowMs();
    const answer = answerBooked(this.#ledger, request, { ...holder, nowMs, ...this.#figures(holder.key) });
    return facts ? withRound(answer, facts, nowMs) : answer;
  }

  /** Nobody is refused by what another operator has changed since: then it is asked again. */
  #bearsOut(
    round: RoundFacts,
    { waiter, least, holder }: { waiter: Waiter; least: NanoCu; holder: MessageContext },
  ): Promise<boolean> {
    const { rounds, clock, writer } = this.#options;
    const { key } = waiter;
    return writer.submit((ledger) => {
      const barred = !mayGrant(ledger, { ...holder, nowMs: clock.nowMs() });
      const result = barred || rounds.bearsOut(ledger, { round, key, least });
      return { result, events: result ? [notCovered(waiter, holder)] : [], mustBeStored: true };
    });
  }

  /** What holders here could not give back, those of the parent may: true if a round there has ended, and it was not granted. */
  async #isRefusedAbove(waiter: Waiter, context: InTime): Promise<boolean> {
    const { parent, writer } = this.#options;
    if (parent === undefined) return true;
    const { key, need } = waiter;
    const asked = { key, need, untilMs: context.answerByMs, waits: true };
    return parent.with(asked, async (isDecided) => {
      const granted = await writer.submit((ledger) => ({
        result: grantWaiters(ledger, [{ ...waiter, context }], this.#options.clock.nowMs()),
      }));
      return granted.length === 0 && isDecided;
    });
  }

  get #ledger(): Ledger {
    return this.#options.writer.stored.ledger;
  }

  #figures(key: string): Pick<MessageContext, 'setAside' | 'parentGrantable'> {
    const { rounds, parent } = this.#options;
    return { setAside: rounds.setAside(key), parentGrantable: parent?.grantable ?? 0n };
  }
}

function waiterOf(
  { incarnation, seq, ask }: ReportRequest,
  { key, nowMs: sinceMs }: MessageContext,
  { rows }: Ledger,
): Waiter {
  const granted = rows.get(key)?.granted ?? 0n;
  return { key, incarnation, seq, granted, need: ask?.need ?? 0n, sinceMs };
}

function withRound(answer: LeaseAnswer, facts: RoundFacts, nowMs: number): LeaseAnswer {
  const { number, beganMs, asked, silent, returned } = facts;
  const round = { number, asked, silent, returned, beganMsAgo: Math.max(0, Math.floor(nowMs - beganMs)) };
  return answer.kind === 'reported' ? { ...answer, round } : answer;
}

/** For people: a request that this holder cannot pay for as it is. */
function notCovered({ key, need }: Waiter, { name }: MessageContext): LedgerEvent {
  return { type: 'RequestNotCovered', key, name, amount: need };
}
