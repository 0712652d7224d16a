import { parseAmount } from '../../../accounting/amount.ts';
import { LedgerTextError } from '../../../accounting/entries-text.ts';
import { isTimeZone } from '../../../accounting/period.ts';
import type { Period, PeriodRule } from '../../../accounting/period.ts';
import { StoredObjectError } from '../../../crds/parse.ts';
import { LedgerError, isPassing } from '../../ledger/ledger-error.ts';
import type { LedgerErrorReason } from '../../ledger/ledger-error.ts';
import { ledgerName } from '../../ledger/ledger-store.ts';
import type { LedgerSnapshot } from '../../ledger/ledger-snapshot.ts';
import type { LedgerNeed, Recovery } from '../../ledger/ledgers.ts';
import { NotLeadingError } from '../../replicas/leadership.ts';
import { applyRelease } from '../apply-release.ts';
import { isAccepted } from '../approvals.ts';
import { capInForce } from '../cap-in-force.ts';
import { lastStatus } from '../last-status.ts';
import { promisesOf, refOf } from '../family.ts';
import { periodInForce, possibleNames } from '../period-in-force.ts';
import { periodRuleOf } from '../root-spec.ts';
import type { BudgetContext, StepOutcome } from '../step.ts';
import { isLeading, stalled } from '../step.ts';

/** Reason of `Enforcing` while a budget is not to be enforced: no reason to call it unusable. */
export const shadowReason = 'Shadow';

/** A period's end is not trusted to a timer of weeks: the clock is looked at once an hour. */
const longestWaitMs = 3_600_000;
/** A budget whose parent has nothing left is looked at again. */
const parentAfterMs = 10_000;
/** A ledger that cannot be used is looked at again: somebody may have put it right. */
const brokenAfterMs = 15_000;
/** The leader does its part within a moment, unless there is none just now. */
const leaderAfterMs = 1_000;

/**
 * The leader opens the ledger of the current period, or adopts it, and copies the limit there: from now on it is the cap.
 * Other replicas take it as it is.
 */
export async function openLedger(context: BudgetContext): Promise<StepOutcome> {
  const { budget, services, found } = context;
  const { timeZone } = periodRuleOf(budget.spec);
  if (!isTimeZone(timeZone))
    return stalled(
      'TimeZoneUnknown',
      `spec.period.timeZone "${timeZone}" is not a time zone: use an IANA name such as Europe/Berlin.`,
    );
  try {
    const ledger = await ensure(context);
    if (ledger === undefined) return waitForLeader(context);
    found.ledger = withoutPassing(ledger);
    if (isLeading(context)) await applyRelease(context);
    if (ledger.problem) return broken(reasonOf(ledger.problem.reason), ledger.problem.message);
    return decided(context, ledger);
  } catch (error) {
    const known = services.ledgers.current(refOf(budget));
    if (known && error instanceof LedgerError && isPassing(error.reason))
      found.ledger = withoutPassing(known);
    return outcomeOf(error);
  }
}

/** While it only cannot be written for now, pods go on with what they have leased: they are not told of it. */
function withoutPassing({ problem, ...known }: LedgerSnapshot): LedgerSnapshot {
  return problem === undefined || isPassing(problem.reason) ? known : { ...known, problem };
}

function decided(context: BudgetContext, ledger: LedgerSnapshot): StepOutcome {
  const { budget, services } = context;
  const nowMs = services.clock.nowMs();
  const { cap, changesAtMs = Number.POSITIVE_INFINITY } = capInForce(budget.spec, nowMs);
  const leftMs = Math.min(ledger.period.endMs, changesAtMs) - nowMs;
  const isFollowed = leftMs > 0 && ledger.cap === cap && ledger.enforcement === budget.spec.enforcement;
  if (!isFollowed && !isLeading(context)) return waitForLeader(context);
  // What others above give back is no change of this ledger.
  const longestMs = ledger.parentLeft === 0n ? parentAfterMs : longestWaitMs;
  const againAfterMs = Math.min(Math.max(leftMs, 0), longestMs);
  if (ledger.enforcement === 'Shadow') return shadow(ledger, againAfterMs);
  return { state: 'done', message: `Ledger ${ledger.name} decides what is granted.`, againAfterMs };
}

/** Why the condition is False although all is well. */
function shadow({ name }: LedgerSnapshot, afterMs: number): StepOutcome {
  const message = `Ledger ${name} only compares with the limit, and refuses nothing: set spec.enforcement to Enforce when its figures are as they should be.`;
  return { state: 'degraded', reason: shadowReason, message, afterMs };
}

/** Until then this replica goes on with the ledger it knows: that decides by itself what it still grants. */
function waitForLeader({ budget, services, found }: BudgetContext): StepOutcome {
  const known = services.ledgers.current(refOf(budget));
  if (known) found.ledger = known;
  const message = 'The leading replica has not opened the ledger, or copied the limit into it, yet.';
  return { state: 'waiting', reason: 'LedgerUnavailable', message, afterMs: leaderAfterMs };
}

/** Undefined where it is the leader's to open, and not there yet. */
async function ensure(context: BudgetContext): Promise<LedgerSnapshot | undefined> {
  const { budget, services, found, signal } = context;
  const { uid = '' } = budget.metadata;
  const ref = refOf(budget);
  const nowMs = services.clock.nowMs();
  const rule = periodRuleOf(found.parent?.root.spec ?? budget.spec);
  const period = await periodOf(context, { nowMs, rule });
  const { cap } = capInForce(budget.spec, nowMs);
  const need: LedgerNeed = {
    budget: ref,
    createdFor: uid,
    period,
    rule,
    cap,
    enforcement: budget.spec.enforcement,
    parent: found.parent && { budget: refOf(found.parent.budget), uid: found.parent.standing.ledger.uid },
    shares: promisesOf(budget, services.relatives),
    seenSeq: seenSeqOf(context, ledgerName(ref, period.name)),
    recovery: recoveryOf(context),
  };
  if (!isLeading(context)) return services.ledgers.adoptLedger(need, { signal });
  return services.ledgers.ensureLedger(need, { signal }).catch((error: unknown) => {
    if (error instanceof NotLeadingError) return services.ledgers.adoptLedger(need, { signal });
    throw error;
  });
}

/** A budget below another one has the period of that one. */
async function periodOf(
  context: BudgetContext,
  { nowMs, rule }: { nowMs: number; rule: PeriodRule },
): Promise<Period> {
  const { budget, services, found } = context;
  if (found.parent) return found.parent.standing.ledger.period;
  const last = services.ledgers.current(refOf(budget))?.period ?? (await findStored(context, nowMs));
  return periodInForce(nowMs, rule, last);
}

/** A ledger that an earlier process, or an earlier budget of this name, spends or spent from. */
async function findStored(
  { budget, services, signal }: BudgetContext,
  nowMs: number,
): Promise<Period | undefined> {
  for (const period of possibleNames(nowMs)) {
    const stored = await services.ledgerStore.read(ledgerName(budget.metadata, period), { signal });
    if (stored) return stored.ledger.period;
  }
  return undefined;
}

/** What was seen of a ledger, which is held if it is gone on from without some of it. */
function recoveryOf(context: BudgetContext): Recovery {
  const { annotations } = context.budget.metadata;
  const { spent, reserved, held } = lastStatus(context);
  const seen = [spent, reserved, held]
    .map((amount = '0') => parseAmount(amount))
    .reduce((sum, amount) => sum + amount, 0n);
  return { accepts: (ledger) => isAccepted(annotations, ledger), seen };
}

/** What the status remembers of this ledger: if it is further than the ledger, changes have been lost. */
function seenSeqOf(context: BudgetContext, name: string): number | undefined {
  const { ledgerName: known, ledgerSeq } = lastStatus(context);
  return known === name ? ledgerSeq : undefined;
}

const reasons: ReadonlyMap<string, string> = new Map<LedgerErrorReason, string>([
  ['lost', 'LedgerLost'],
  ['other_period', 'LedgerLost'],
  ['other_parent', 'ParentChanged'],
]);

function outcomeOf(error: unknown): StepOutcome {
  const hint = 'Nothing is granted from it until it is put right.';
  if (error instanceof LedgerTextError || error instanceof StoredObjectError)
    return broken('LedgerLost', `${error.message}. ${hint}`);
  if (!(error instanceof LedgerError)) throw error;
  return broken(reasonOf(error.reason), `${error.message}. ${hint}`);
}

function reasonOf(reason: string): string {
  return reasons.get(reason) ?? 'LedgerUnavailable';
}

function broken(reason: string, message: string): StepOutcome {
  return { state: 'waiting', reason, message, afterMs: brokenAfterMs };
}
