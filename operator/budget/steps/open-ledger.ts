import { parseAmount } from '../../../accounting/amount.ts';
import { LedgerTextError } from '../../../accounting/ledger-text.ts';
import { isTimeZone } from '../../../accounting/period.ts';
import type { Period } from '../../../accounting/period.ts';
import type { SapAiBudgetStatus } from '../../../crds/budget.ts';
import { StoredObjectError } from '../../../crds/parse.ts';
import { LedgerError } from '../../ledger/ledger-error.ts';
import type { LedgerErrorReason } from '../../ledger/ledger-error.ts';
import { ledgerName } from '../../ledger/ledger-store.ts';
import type { LedgerSnapshot } from '../../ledger/ledger-snapshot.ts';
import type { Recovery } from '../../ledger/ledgers.ts';
import { applyRelease } from '../apply-release.ts';
import { isAccepted } from '../approvals.ts';
import { capInForce } from '../cap-in-force.ts';
import { periodInForce, possibleNames } from '../period-in-force.ts';
import type { BudgetContext, StepOutcome } from '../step.ts';
import { stalled } from '../step.ts';

/** Reason of `Enforcing` while a budget is not to be enforced: no reason to call it unusable. */
export const shadowReason = 'Shadow';

/** A period's end is not trusted to a timer of weeks: the clock is looked at once an hour. */
const longestWaitMs = 3_600_000;
/** A ledger that cannot be used is looked at again: somebody may have put it right. */
const brokenAfterMs = 15_000;

/** Opens the ledger of the current period, or adopts it, and copies the limit there: from now on it is the cap. */
export async function openLedger(context: BudgetContext): Promise<StepOutcome> {
  const { budget, services, found } = context;
  const { timeZone } = budget.spec.period;
  if (!isTimeZone(timeZone))
    return stalled(
      'TimeZoneUnknown',
      `spec.period.timeZone "${timeZone}" is not a time zone: use an IANA name such as Europe/Berlin.`,
    );
  try {
    const ledger = await ensure(context);
    found.ledger = ledger;
    await applyRelease(context);
    if (ledger.problem) return broken('LedgerUnavailable', ledger.problem.message);
    const nowMs = services.clock.nowMs();
    const { changesAtMs = Number.POSITIVE_INFINITY } = capInForce(budget.spec, nowMs);
    const leftMs = Math.min(ledger.period.endMs, changesAtMs) - nowMs;
    const againAfterMs = Math.min(Math.max(leftMs, 0), longestWaitMs);
    if (ledger.enforcement === 'Shadow') return shadow(ledger, againAfterMs);
    return { state: 'done', message: `Ledger ${ledger.name} decides what is granted.`, againAfterMs };
  } catch (error) {
    return outcomeOf(error);
  }
}

/** Why the condition is False although all is well. */
function shadow({ name }: LedgerSnapshot, afterMs: number): StepOutcome {
  const message = `Ledger ${name} only compares with the limit, and refuses nothing: set spec.enforcement to Enforce when its figures are as they should be.`;
  return { state: 'degraded', reason: shadowReason, message, afterMs };
}

async function ensure(context: BudgetContext): Promise<LedgerSnapshot> {
  const { budget, services, signal } = context;
  const { namespace, name, uid = '' } = budget.metadata;
  const ref = { namespace, name };
  const nowMs = services.clock.nowMs();
  const last = services.ledgers.current(ref)?.period ?? (await findStored(context, nowMs));
  const rule = budget.spec.period;
  const period = periodInForce(nowMs, rule, last);
  const { cap } = capInForce(budget.spec, nowMs);
  const seenSeq = seenSeqOf(context, ledgerName(ref, period.name));
  return services.ledgers.ensureLedger(
    {
      budget: ref,
      createdFor: uid,
      period,
      rule,
      cap,
      enforcement: budget.spec.enforcement,
      seenSeq,
      recovery: recoveryOf(context),
    },
    { signal },
  );
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
function recoveryOf({ budget, memory }: BudgetContext): Recovery {
  const { annotations } = budget.metadata;
  const status = lastStatus({ budget, memory });
  const seen = [status?.spent, status?.reserved, status?.held]
    .map((amount = '0') => parseAmount(amount))
    .reduce((sum, amount) => sum + amount, 0n);
  return { accepts: (ledger) => isAccepted(annotations, ledger), seen };
}

/** What the status remembers of this ledger: if it is further than the ledger, changes have been lost. */
function seenSeqOf({ budget, memory }: BudgetContext, name: string): number | undefined {
  const status = lastStatus({ budget, memory });
  return status?.ledgerName === name ? status.ledgerSeq : undefined;
}

/** As it was written last: the cache may be a moment behind. */
function lastStatus({
  budget,
  memory,
}: Pick<BudgetContext, 'budget' | 'memory'>): SapAiBudgetStatus | undefined {
  return memory.written?.uid === budget.metadata.uid ? memory.written?.status : budget.status;
}

const lost: ReadonlySet<LedgerErrorReason> = new Set(['lost', 'other_period']);

function outcomeOf(error: unknown): StepOutcome {
  const hint = 'Nothing is granted from it until it is put right.';
  if (error instanceof LedgerTextError || error instanceof StoredObjectError)
    return broken('LedgerLost', `${error.message}. ${hint}`);
  if (!(error instanceof LedgerError)) throw error;
  return broken(lost.has(error.reason) ? 'LedgerLost' : 'LedgerUnavailable', `${error.message}. ${hint}`);
}

function broken(reason: string, message: string): StepOutcome {
  return { state: 'waiting', reason, message, afterMs: brokenAfterMs };
}
