import type { Ask, LeaseAnswer, LeaseRequest, LedgerFigures } from '../../accounting/messages.ts';
import type { Pod } from './pod.ts';
import type { Replica } from './replica.ts';
import { roundKey } from './round-watch.ts';
import { hold } from './violation.ts';
import type { World } from './world.ts';

/** The oldest round (ms) that somebody may be refused by who came after it had begun. */
const oldestRoundMs = 1000;

/** An ask that was not granted, on the way back. */
export interface Denial {
  readonly pod: Pod;
  readonly replica: Replica;
  readonly request: LeaseRequest;
  readonly ask: Ask;
}

/**
 * An ask that waited and was not granted: its round began after it came, or a second before at most, and what there is,
 * with what those had idle who were not asked, is less than it needs. Who was asked has given back, or was silent.
 */
export function checkRound(
  world: World,
  { pod, replica, request, ask }: Denial,
  answer: Exclude<LeaseAnswer, { kind: 'refused' }>,
): void {
  const round = answer.kind === 'reported' ? answer.round : undefined;
  const arrival = world.asks.get(request);
  if (!round || !arrival) return;
  const watch = world.watches.find(replica, roundKey(pod, round.number)) ?? arrival;
  const isKnown = [watch, arrival].every((one) => !one.isDistorted && world.watches.has(one, world.nowMs));
  if (!isKnown || !mayGrant(world, { pod, replica, request })) return;
  checkRefusal({ pod, arrivedMs: arrival.beganMs, roundBeganMs: watch.beganMs });
  const left = leftBy(answer.ledger);
  const most = left + watch.couldBeHad(world, request.ledgerUid, pod);
  // In a round for nobody it is the least that would help that cannot be had.
  const { need, least = need } = ask;
  const wanted = round.asked === 0 ? least : need;
  // Where enough has come back since the round ended, the sidecar asks again by these very figures.
  const holds = left >= wanted || most < wanted;
  hold('no refusal while there is enough', holds, () => `${pod.key}: ${wanted} wanted, ${most} could be had`);
}

/** What could be granted; below zero where more is out than the cap allows. */
function leftBy({ cap, settled, outstanding, held, grantable }: LedgerFigures): bigint {
  const rest = cap - settled - outstanding - held;
  return rest < 0n ? rest : grantable;
}

/** Whether the budget and the period are there, as the operator thinks. */
function mayGrant({ api }: World, { pod, replica, request }: Omit<Denial, 'ask'>): boolean {
  const period = api.byUid(request.ledgerUid)?.ledger.period;
  const { nowMs } = replica;
  if (period === undefined || pod.budget.retiredBy.has(replica)) return false;
  return nowMs >= period.startMs && nowMs < period.endMs;
}

/** Remembers when the round truly began that an answer tells of: later than any request, where a clock has jumped. */
export function noteRound(
  world: World,
  { pod, replica, request }: Omit<Denial, 'ask'>,
  answer: LeaseAnswer,
): void {
  const round = answer.kind === 'reported' ? answer.round : undefined;
  const watch =
    round && (world.watches.find(replica, roundKey(pod, round.number)) ?? world.asks.get(request));
  if (watch) world.roundBegins.set(answer, watch.isDistorted ? Number.POSITIVE_INFINITY : watch.beganMs);
}

/** A request is refused for lack of budget only by a round that is not older than it by more than a second. */
export function checkRefusal({
  pod,
  arrivedMs,
  roundBeganMs,
}: {
  pod: Pod;
  arrivedMs: number;
  roundBeganMs: number;
}): void {
  hold(
    'no refusal while there is enough',
    arrivedMs - roundBeganMs <= oldestRoundMs,
    () => `${pod.key} refused by a round from ${arrivedMs - roundBeganMs} ms before its request`,
  );
}
