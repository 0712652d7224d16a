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
  /** What other holders have neither used nor given back, which a recall may bring back. */
  readonly othersHold: NanoCu;
  /** By how much spent, reserved and held together pass the cap: while they do, nothing idle is spent. */
  readonly overdrawn: NanoCu;
  /** Whether others were asked lately to give back: then a grant is for one request, so that they find something. */
  readonly contested: boolean;
  /** Whether others have had the time to give back, before the operator's last answer. */
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
  | { kind: 'ask'; need: NanoCu; want: NanoCu }
  /** Ask, once others have had time to give back what the last ask had recalled. */
  | { kind: 'askLater'; need: NanoCu; want: NanoCu }
  | { kind: 'wait' }
  | { kind: 'refuse' };

/**
 * Decides the next step towards a reservation. Nobody is refused, or cut short, while budget is left: before
 * that the operator has been asked lately, and other holders and requests under way have had time to give back what
 * they do not use.
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
  if (worthRecalling(wish, standing)) return { ...askExactly(wish.amount, standing), kind: 'askLater' };
  if (worthWaiting(wish, standing)) return { kind: 'wait' };
  const lowered = reachable >= wish.smallest ? wish.lower(reachable) : undefined;
  if (lowered === undefined) return { kind: 'refuse' };
  if (lowered <= spendable(standing)) return { kind: 'reserve', amount: lowered };
  return askExactly(lowered, standing);
}

/** What is idle while the cap is passed is about to be given back, and may be more than passes it. */
function returnsSoon({ idle, overdrawn, late }: Standing): boolean {
  return !late && overdrawn > 0n && idle > 0n;
}

/** What is idle may be spent only while it is within the cap. */
function spendable({ idle, overdrawn }: Standing): NanoCu {
  return overdrawn > 0n ? 0n : idle;
}

function ask(amount: NanoCu, standing: Standing): Ask {
  const exact = askExactly(amount, standing);
  const comfortable = least(amount * standing.requestsPerGrant, maxQuantity);
  return standing.contested || comfortable <= exact.need ? exact : { ...exact, want: comfortable };
}

type Ask = Extract<Move, { kind: 'ask' }>;

/** No budget has more than `maxQuantity`: a message that asks for it anyway would only be refused as malformed. */
function askExactly(amount: NanoCu, standing: Standing): Ask {
  const idle = spendable(standing);
  const need = least(amount > idle ? amount - idle : 0n, maxQuantity);
  return { kind: 'ask', need, want: need };
}

function least(a: NanoCu, b: NanoCu): NanoCu {
  return a < b ? a : b;
}

function worthRecalling(wish: Wish, standing: Standing): boolean {
  if (standing.late || standing.recalled) return false;
  return standing.othersHold > 0n && canBecome(standing, standing.othersHold) >= wish.smallest;
}

function worthWaiting(wish: Wish, standing: Standing): boolean {
  return !standing.late && standing.reserved > 0n && canBecome(standing, 0n) >= wish.smallest;
}

/** The most this holder could spend if everything under way cost nothing, and others gave back that much. */
function canBecome({ idle, grantable, reserved, overdrawn }: Standing, others: NanoCu): NanoCu {
  return idle + grantable + reserved + others - overdrawn;
}
