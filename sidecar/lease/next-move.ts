import { type NanoCu, maxQuantity } from '../../accounting/amount.ts';

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
  | { kind: 'ask'; need: NanoCu; want: NanoCu }
  | { kind: 'wait' }
  | { kind: 'refuse' };

/**
 * Decides the next step towards a reservation. Nobody is refused, or cut short, while budget is left: before
 * that the operator has been asked lately, and requests under way have had time to give back what they do not use.
 */
export function nextMove(wish: Wish, standing: Standing): Move {
  const { idle, alive, fresh, late, requestsPerGrant } = standing;
  if (alive && idle >= wish.amount) return { kind: 'reserve', amount: wish.amount };
  // What a late request has just been told is the last word, also that the lease was not renewed.
  if (!alive && fresh && late) return { kind: 'refuse' };
  if (!alive || !fresh) return ask(wish.amount, standing, requestsPerGrant);
  return moveWhenShort(wish, standing);
}

/** The lease does not cover the request, and the operator has said lately what it could add. */
function moveWhenShort(wish: Wish, standing: Standing): Move {
  const reachable = standing.idle + standing.grantable;
  if (reachable >= wish.amount && !standing.late)
    return ask(wish.amount, standing, standing.requestsPerGrant);
  if (worthWaiting(wish, standing)) return { kind: 'wait' };
  const lowered = reachable >= wish.smallest ? wish.lower(reachable) : undefined;
  if (lowered === undefined) return { kind: 'refuse' };
  if (lowered <= standing.idle) return { kind: 'reserve', amount: lowered };
  return ask(lowered, standing, 1n);
}

/** No budget has more than `maxQuantity`: a message that asks for it anyway would only be refused as malformed. */
function ask(amount: NanoCu, { idle }: Standing, times: bigint): Move {
  const need = least(amount > idle ? amount - idle : 0n, maxQuantity);
  const comfortable = least(amount * times, maxQuantity);
  return { kind: 'ask', need, want: times > 1n && comfortable > need ? comfortable : need };
}

function least(a: NanoCu, b: NanoCu): NanoCu {
  return a < b ? a : b;
}

function worthWaiting(wish: Wish, { idle, grantable, reserved, late }: Standing): boolean {
  return !late && reserved > 0n && idle + grantable + reserved >= wish.smallest;
}
