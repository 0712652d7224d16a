import { type NanoCu, maxQuantity } from '../../accounting/amount.ts';
import type { Ask } from '../../accounting/messages.ts';

/** What a request wants to reserve. */
export interface Wish {
  /** Its worst case. */
  readonly amount: NanoCu;
  /** The worst case with the smallest output it accepts; `amount` when nothing smaller makes sense. */
  readonly smallest: NanoCu;
  /** The largest reservation at or under an affordable amount, at least `smallest`; undefined when there is none. */
  readonly lower: (affordable: NanoCu) => NanoCu | undefined;
}

/** Where the lease stands while a request waits for its reservation. */
export interface Standing {
  readonly idle: NanoCu;
  /** Reserved by requests under way, which may give some of it back. */
  readonly reserved: NanoCu;
  /** The most the operator said it could grant. */
  readonly grantable: NanoCu;
  /** By how much spent, reserved and held together pass the cap: while they do, nothing idle is spent. */
  readonly overdrawn: NanoCu;
  /** Whether others were asked lately to give back: then a grant is for one request, so that they find something. */
  readonly contested: boolean;
  /** Whether others were asked to give back lately, and that is over: what there is now is all there is. */
  readonly recalled: boolean;
  /** Whether the operator said so in answer to a report that is recent enough to refuse by. */
  readonly fresh: boolean;
  /** Whether the lease has not ended. */
  readonly alive: boolean;
  /** Whether the request has waited as long as it may. */
  readonly late: boolean;
  /** How many requests like this one a grant should last for. */
  readonly requestsPerGrant: bigint;
}

/** What is done next for a waiting request. */
export type Move =
  | { kind: 'reserve'; amount: NanoCu }
  /** With `least`: give back what is idle, and wait until others have. */
  | ({ kind: 'ask' } & Ask)
  | { kind: 'wait' }
  | { kind: 'refuse' };

/**
 * Decides the next step towards a reservation. Nobody is refused, or cut short, while budget is left: before that a
 * recall round has ended, in which other holders gave back what they do not use, and requests under way here have had
 * time to.
 */
export function nextMove(wish: Wish, standing: Standing): Move {
  const { alive, fresh, late } = standing;
  if (alive && spendable(standing) >= wish.amount) return { kind: 'reserve', amount: wish.amount };
  // What a late request has just been told is the last word, also that the lease was not renewed.
  if (!alive && fresh && late) return { kind: 'refuse' };
  if (!alive || !fresh || returnsSoon(standing)) return ask(wish.amount, standing);
  return moveWhenShort(wish, standing);
}

/** The lease does not cover the request, and the operator has said lately what it could add. */
function moveWhenShort(wish: Wish, standing: Standing): Move {
  const reachable = spendable(standing) + standing.grantable;
  if (reachable >= wish.amount && !standing.late) return ask(wish.amount, standing);
  if (!standing.recalled) return waitFor(wish.amount, wish);
  if (worthWaiting(wish, standing)) return { kind: 'wait' };
  const lowered = reachable >= wish.smallest ? wish.lower(reachable) : undefined;
  if (lowered === undefined) return { kind: 'refuse' };
  if (lowered <= spendable(standing)) return { kind: 'reserve', amount: lowered };
  return waitFor(lowered, wish);
}

/** What is idle while the cap is passed is about to be given back, and may be more than passes it. */
function returnsSoon({ idle, overdrawn, late }: Standing): boolean {
  return !late && overdrawn > 0n && idle > 0n;
}

/** What is idle may be spent only while it is within the cap. */
function spendable({ idle, overdrawn }: Standing): NanoCu {
  return overdrawn > 0n ? 0n : idle;
}

/** For what is missing, and for more to last a while unless others go short. */
function ask(amount: NanoCu, standing: Standing): Move {
  const idle = spendable(standing);
  const need = askable(amount > idle ? amount - idle : 0n);
  const comfortable = askable(amount * standing.requestsPerGrant);
  return { kind: 'ask', need, want: standing.contested || comfortable <= need ? need : comfortable };
}

/** For all of it, because what is idle is given back: two pods that kept theirs while they wait could both be refused. */
function waitFor(amount: NanoCu, { smallest }: Wish): Move {
  const need = askable(amount);
  return { kind: 'ask', need, want: need, least: askable(smallest) };
}

/** No budget has more than `maxQuantity`: a message that asks for it anyway would only be refused as malformed. */
function askable(amount: NanoCu): NanoCu {
  return amount < maxQuantity ? amount : maxQuantity;
}

/** Whether it could be enough if all requests under way here cost nothing. */
function worthWaiting({ smallest }: Wish, { late, idle, grantable, reserved, overdrawn }: Standing): boolean {
  return !late && reserved > 0n && idle + grantable + reserved - overdrawn >= smallest;
}
