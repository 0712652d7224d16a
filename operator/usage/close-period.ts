import { formatAmount } from '../../accounting/amount.ts';
import { heldAtClose } from '../../accounting/ledger-close.ts';
import type { FinalGap, HeldClosed } from '../../accounting/ledger-close.ts';
import { isLedgerKey, ledgerKey } from '../../accounting/ledger.ts';
import { gapOf } from '../../accounting/usage-gap.ts';
import type { SapAiStatementStatus } from '../../crds/statement.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import type { LeaseBook } from '../ledger/ledgers.ts';
import { addDays } from './days.ts';
import { daysOfPeriod, readFinalUsage } from './final-usage.ts';
import type { FinalWord } from './final-usage.ts';
import { allBelow, meteredIn } from './ledgers-below.ts';
import type { LedgerTree } from './ledgers-below.ts';
import type { UsageApi } from './usage-api.ts';

const dayMs = 86_400_000;
/** SAP has told all of a period some days after its end; a period without usage on its last days is given up then. */
const closedAfterMs = 3 * dayMs;
const givenUpAfterMs = 7 * dayMs;
/** For so long what is held waits for SAP's bill: the last month of a period ends up to a month after it. Two periods more are looked after. */
const billedWithinMs = 45 * dayMs;

/** What the close of a period says about held amounts. */
type Closing = NonNullable<SapAiStatementStatus['closing']>;

/** The ledgers whose held amounts are settled. */
export interface ClosingLedgers {
  find(
    uid: string,
    budget: BudgetRef,
    options: { signal: AbortSignal },
  ): Promise<Pick<LeaseBook, 'settleHeld' | 'tellParent'> | undefined>;
}

/** Whether a period is closed now, and what became of what was held, by uid of the ledger. */
export interface PeriodClose {
  closed: boolean;
  closings: ReadonlyMap<string, Closing>;
}

export interface ClosePeriodOptions {
  tree: LedgerTree;
  api: UsageApi;
  subaccountId: string;
  /** Last day that SAP has reported. */
  through: string | undefined;
  nowMs: number;
  signal: AbortSignal;
}

/**
 * Closes a period once SAP has had its time, for good: what is still held is settled by SAP's final usage, or as spent
 * where there is none. Of ledgers below ledgers those go first that are nobody's parent, and one gap is for all.
 */
export async function closePeriod(
  ledgers: ClosingLedgers,
  options: ClosePeriodOptions,
): Promise<PeriodClose> {
  const { tree, nowMs } = options;
  const { uid } = tree.stored;
  const { endMs } = tree.stored.ledger.period;
  if (!isDue(options)) return { closed: false, closings: new Map() };
  const gone = goneBelow(tree);
  const held = ledgersOf(tree).reduce((sum, { stored }) => sum + heldAtClose(stored.ledger, gone), 0n);
  const word = held > 0n ? await finalWord(options) : undefined;
  if (word?.state === 'pending' && nowMs < endMs + billedWithinMs) {
    const message = `What is held waits for SAP's final usage: ${word.why}.`;
    return { closed: false, closings: new Map([[uid, { evidence: 'Pending', message }]]) };
  }
  const verdict = word && verdictOf(word, options);
  return { closed: true, closings: await settle(ledgers, options, verdict) };
}

function isDue({ tree, through, nowMs }: ClosePeriodOptions): boolean {
  const { period } = tree.stored.ledger;
  const complete = through !== undefined && through >= daysOfPeriod(period).to;
  return nowMs >= period.endMs + (complete ? closedAfterMs : givenUpAfterMs);
}

async function finalWord(options: ClosePeriodOptions): Promise<FinalWord> {
  const { tree, through, nowMs } = options;
  const { period } = tree.stored.ledger;
  // Where SAP has not a day of it, there will be no bill.
  if (through === undefined && nowMs >= period.endMs + givenUpAfterMs)
    return { state: 'none', why: 'SAP has reported no usage of this period' };
  return readFinalUsage({ ...options, period, known: meteredIn(tree) });
}

/** Nano-CU that all that is held can have cost, or why SAP's usage does not tell. */
type Verdict = { gap: bigint } | { why: string };

function verdictOf(word: FinalWord, { tree }: ClosePeriodOptions): Verdict {
  if (word.state !== 'final') return { why: word.why };
  const lastDay = daysOfPeriod(tree.stored.ledger.period).to;
  const found = gapOf({ metered: meteredIn(tree), billed: word.billed, lastDay });
  return found.state === 'bounded' ? { gap: found.amount } : { why: found.why };
}

async function settle(
  ledgers: ClosingLedgers,
  { tree, signal }: ClosePeriodOptions,
  verdict: Verdict | undefined,
): Promise<Map<string, Closing>> {
  const closings = new Map<string, Closing>();
  const gone = goneBelow(tree);
  let gap = verdict && 'gap' in verdict ? finalGap(tree, verdict.gap) : undefined;
  // Each tells the one above, which holds the rest of it until then.
  for (const { stored } of ledgersOf(tree)) {
    const book = await ledgers.find(stored.uid, stored.ledger.budget, { signal });
    const closed = await book?.settleHeld({ gone, gap });
    await book?.tellParent();
    if (closed && verdict) closings.set(stored.uid, closingOf(closed, verdict));
    if (closed && gap) gap = { ...gap, amount: closed.gapLeft };
  }
  return closings;
}

function finalGap(tree: LedgerTree, amount: bigint): FinalGap {
  const tokenExpires = new Map<string, number>();
  for (const { stored } of ledgersOf(tree))
    for (const row of stored.ledger.rows.values())
      tokenExpires.set(row.key, Math.max(row.tokenExpires, tokenExpires.get(row.key) ?? 0));
  const lastDay = daysOfPeriod(tree.stored.ledger.period).to;
  return { amount, throughMs: Date.parse(addDays(lastDay, 1)), tokenExpires };
}

function closingOf({ settled, released }: HeldClosed, verdict: Verdict): Closing {
  const figures = { settled: formatAmount(settled), released: formatAmount(released) };
  if ('why' in verdict) {
    const message = `Nothing told what was held: it is booked as spent. SAP's final usage is of no help: ${verdict.why}.`;
    return { evidence: 'None', message: message.slice(0, 1024), ...figures };
  }
  const gap = formatAmount(verdict.gap);
  const message = `SAP billed at most ${gap} CU that were not metered: as much of what was held is booked as spent, the rest is released, but for holders whose calls may have been billed later.`;
  return { evidence: 'FinalUsage', message, gap, ...figures };
}

/** Keys of ledgers that rows are of and that were deleted. One that became a holder since the tree was read is none. */
function goneBelow(tree: LedgerTree): ReadonlySet<string> {
  const all = ledgersOf(tree);
  const there = new Set(all.map(({ stored }) => ledgerKey(stored.uid)));
  const keys = all.flatMap(({ stored }) => [...stored.ledger.rows.keys()].filter(isLedgerKey));
  return new Set(keys.filter((key) => !there.has(key)));
}

/** Those that are nobody's parent first. */
function ledgersOf(tree: LedgerTree): LedgerTree[] {
  return [...allBelow(tree), tree];
}
