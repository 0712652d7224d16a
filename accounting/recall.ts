import type { NanoCu } from './amount.ts';
import { type Ledger, isLedgerKey, unused } from './ledger.ts';
import { availableTo, withinCap } from './parent-lease.ts';

/**
 * Recall rounds of one ledger: who waits for budget, and which holders are asked to give back what they do not use.
 * One round at a time serves all who wait, in order of arrival. Plain data under a time that the caller tells; nothing
 * here is durable or needed for the cap: it decides who is asked and who has been refused rightly.
 */
export interface Recall {
  /** In order of arrival, at most one a holder. */
  waiters: Waiter[];
  /** Keys of waiters whose grants are being stored. */
  serving: Set<string>;
  /** Keys of those who have come since it was looked at last: what they had idle came with their ask. */
  newcomers: Set<string>;
  round: Round | undefined;
  /** The last round that was gone through to its end. */
  last: EndedRound | undefined;
  /** Holders that did not answer when they were asked last, and have said nothing since. */
  silent: Set<string>;
  /** Of the last round; a later one has a greater number. */
  number: number;
  /** When a round may begin that nobody waits for. */
  unpromptedMs: number;
  /** Whether all that is idle is wanted, by a ledger that this one is a holder in. */
  allWanted: boolean;
}

/** A request that waits at its holder; what the holder had idle came back with its ask. */
export interface Waiter {
  /** Of its holder's row. */
  key: string;
  /** The report that asks. */
  incarnation: number;
  seq: number;
  /** What the row had been granted when the report was booked. */
  granted: NanoCu;
  need: NanoCu;
  sinceMs: number;
}

/** `heard`: its answer has arrived and is being stored. */
type Asked = { state: 'asked'; untilMs: number } | { state: 'heard' | 'answered' | 'silent' };

/** A round under way. */
export interface Round {
  number: number;
  beganMs: number;
  asked: Map<string, Asked>;
  /** Who has come to wait in this round, or by whom it began, and has given back all there was. */
  came: Set<string>;
  batch: number;
  returned: NanoCu;
}

/** What a refusal is based on. */
export interface RoundFacts {
  number: number;
  beganMs: number;
  /** How many holders were asked, and how many of them did not answer. */
  asked: number;
  silent: number;
  /** What those who were asked gave back. */
  returned: NanoCu;
  /** Keys of those who were asked, or have given back all there was to wait. */
  heard: ReadonlySet<string>;
}

/** The last round, and what it left. */
export interface EndedRound extends RoundFacts {
  /** What was left for those who came later. */
  grantable: NanoCu;
}

/** A holder that is asked and silent for so long (ms) is not waited for. */
export const silentAfterMs = 400;
/** The same of a holder that is a ledger: it asks its own holders first. */
const ledgerSilentAfterMs = 1000;
/** For so long (ms) after it began a round is refused by. */
export const roundCountsMs = 1000;

/** Nobody waits, and nobody was asked. */
export function newRecall(): Recall {
  return {
    waiters: [],
    serving: new Set(),
    newcomers: new Set(),
    round: undefined,
    last: undefined,
    silent: new Set(),
    number: 0,
    unpromptedMs: 0,
    allWanted: false,
  };
}

/** A request waits from now on; in the place of another one of the same holder, if there is one. */
export function join(recall: Recall, waiter: Waiter): void {
  const { key } = waiter;
  const place = recall.waiters.findIndex((other) => other.key === key);
  if (place < 0) recall.waiters.push(waiter);
  else recall.waiters = recall.waiters.with(place, waiter);
  recall.serving.delete(key);
  // What it had idle came back with its ask: that is as good as an answer.
  noteAllBack(recall, key);
  if (recall.round) recall.round.came.add(key);
  else recall.newcomers.add(key);
}

/** Has all holders asked in the next round, or in the rest of the one under way. */
export function wantAll(recall: Recall): void {
  recall.allWanted = true;
}

/** Nobody waits there any more. */
export function leave(recall: Recall, key: string): void {
  recall.waiters = recall.waiters.filter((waiter) => waiter.key !== key);
  recall.serving.delete(key);
}

/** What others wait for, and is not for this holder. */
export function setAside(recall: Recall, key: string): NanoCu {
  return sum(recall.waiters.filter((waiter) => waiter.key !== key).map(({ need }) => need));
}

/** A holder's answer to this round has arrived: it is not silent, but nothing of it is stored yet. */
export function noteHeard({ round }: Recall, { key, number }: { key: string; number: number }): void {
  if (round?.number === number && isPending(round.asked.get(key))) round.asked.set(key, { state: 'heard' });
}

/** The answer that was heard could not be stored: the holder will repeat it. */
export function noteLost({ round }: Recall, { key, nowMs }: { key: string; nowMs: number }): void {
  if (round?.asked.get(key)?.state === 'heard')
    round.asked.set(key, { state: 'asked', untilMs: nowMs + patienceWith(key) });
}

/** A stored report. */
export interface NotedReport {
  key: string;
  /** What it gave back. */
  returned: NanoCu;
  /** The round that it answers, if any. */
  number?: number | undefined;
  /** Whether all there was came back with it, because it asks for a request that waits. */
  all?: boolean;
}

/** A report is stored. */
export function noteReport(recall: Recall, { key, returned, number, all = false }: NotedReport): void {
  recall.silent.delete(key);
  const { round } = recall;
  if (!round?.asked.has(key)) return;
  round.returned += returned;
  if (all || round.number === number) round.asked.set(key, { state: 'answered' });
}

function noteAllBack({ round }: Recall, key: string): void {
  if (isPending(round?.asked.get(key))) round?.asked.set(key, { state: 'answered' });
}

/**
 * The round by whose word a holder is refused at once; undefined: it has to wait for one. That is the last round, if it
 * has just found less than the holder needs, and one that asks nobody, if all that others hold would not make `least`.
 */
export function refusedAtOnce(
  recall: Recall,
  ledger: Ledger,
  { key, need, least, nowMs }: { key: string; need: NanoCu; least: NanoCu; nowMs: number },
): RoundFacts | undefined {
  const own = ledger.rows.get(key);
  const byOthers = ledger.totals.outstanding - (own?.state === 'open' ? unused(own) : 0n);
  if (withinCap(ledger, key) + byOthers < least) return roundForNobody(recall, nowMs);
  const { last } = recall;
  if (last === undefined || nowMs < last.beganMs || nowMs - last.beganMs >= roundCountsMs) return undefined;
  if (need <= last.grantable || availableTo(ledger, key) - setAside(recall, key) > last.grantable)
    return undefined;
  const { grantable: _, ...facts } = last;
  return facts;
}

/** A round in which nobody is asked, because nothing could come of it. */
export function roundForNobody(recall: Recall, nowMs: number): RoundFacts {
  const heard = new Set<string>();
  return { number: nextNumber(recall, nowMs), beganMs: nowMs, asked: 0, silent: 0, returned: 0n, heard };
}

/**
 * Whether a round bears a refusal out by the ledger as others have left it meanwhile: all that those hold who were not heard
 * in it would not make `least`. If it does not, nobody is refused by it any more.
 */
export function bearsOut(
  recall: Recall,
  ledger: Ledger,
  { round, key, least }: { round: RoundFacts; key: string; least: NanoCu },
): boolean {
  const missing = least - availableTo(ledger, key);
  if (missing > ledger.totals.outstanding) return true;
  let unheard = 0n;
  for (const row of ledger.rows.values())
    if (row.state === 'open' && row.key !== key && !round.heard.has(row.key)) unheard += unused(row);
  const holds = unheard === 0n || unheard < missing;
  if (!holds) recall.last = undefined;
  return holds;
}

/** These were tried to be granted, and those were; the others go on waiting in their place. */
export function served(
  recall: Recall,
  { tried, granted }: Record<'tried' | 'granted', readonly string[]>,
): void {
  for (const key of tried) recall.serving.delete(key);
  // They have something again.
  for (const key of granted) recall.round?.came.delete(key);
  recall.waiters = recall.waiters.filter(({ key }) => !granted.includes(key));
}

/** The number of a new round. Numbers are times: greater ones also after a restart. */
export function nextNumber(recall: Recall, nowMs: number): number {
  recall.number = Math.max(Math.floor(nowMs), recall.number + 1);
  return recall.number;
}

/** For how long (ms) a holder that is asked is not silent. */
export function patienceWith(key: string): number {
  return isLedgerKey(key) ? ledgerSilentAfterMs : silentAfterMs;
}

/** Whether an answer is still to come, or to be stored. */
export function isPending(asked: Asked | undefined): boolean {
  return asked?.state === 'asked' || asked?.state === 'heard';
}

function sum(amounts: readonly NanoCu[]): NanoCu {
  return amounts.reduce((total, amount) => total + amount, 0n);
}
