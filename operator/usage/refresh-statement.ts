import { formatAmount } from '../../accounting/amount.ts';
import { utcDay } from '../../accounting/metered-usage.ts';
import type { Period } from '../../accounting/period.ts';
import type { SapAiBudget } from '../../crds/budget.ts';
import type { SapAiStatementSpec, SapAiStatementStatus } from '../../crds/statement.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import { ledgerName } from '../ledger/ledger-store.ts';
import type { StoredLedger } from '../ledger/ledger-store.ts';
import type { BilledUse } from './billed.ts';
import { emptyAnswer } from './consumption.ts';
import { monthOf } from './days.ts';
import { allBelow, meteredIn, readTree } from './ledgers-below.ts';
import type { LedgerTree } from './ledgers-below.ts';
import { readBilled } from './read-billed.ts';
import type { Billed } from './read-billed.ts';
import { billedInText, encodeLines, statementLines } from './statement-lines.ts';
import type { StatementLine } from './statement-lines.ts';
import { readStatement, statementName, writeStatement } from './statement-store.ts';
import type { UsageApi } from './usage-api.ts';
import type { UsageServices } from './usage-services.ts';

const dayMs = 86_400_000;
/** SAP has told all of a period some days after its end; a period without usage on its last days is given up then. */
const closedAfterMs = 3 * dayMs;
const givenUpAfterMs = 7 * dayMs;

/** What a refreshed statement came to. */
export interface Refreshed {
  source: Billed['source'];
  uses: readonly BilledUse[];
  through: string | undefined;
  /** Days on which anything was metered, ascending. */
  meteredDays: readonly string[];
  /** Nano-CU; undefined while SAP has reported nothing. */
  unattributed: bigint | undefined;
}

export interface RefreshOptions {
  budget: SapAiBudget;
  subaccountId: string;
  period: Period;
  api: UsageApi;
  signal: AbortSignal;
}

/**
 * Writes the statement of one period: what its ledger metered beside what SAP billed. Undefined where nothing is to be
 * said: there is no ledger, or the statement is closed.
 *
 * @throws SapError, KubeError, or what makes a ledger unreadable
 */
export async function refreshStatement(
  services: UsageServices,
  options: RefreshOptions,
): Promise<Refreshed | undefined> {
  const { budget, period, signal } = options;
  const { kube } = services;
  const { namespace } = budget.metadata;
  const name = statementName(budget.metadata, period.name);
  const stored = await readLedger(services, options);
  const previous = await readStatement(kube, { namespace, name }, { signal });
  if (stored === undefined || previous?.closed === true) return undefined;
  const nowMs = services.clock.nowMs();
  const billed = await read(options, { previous, nowMs });
  const tree = await readTree(services.ledgerStore, stored, { signal });
  const metered = meteredIn(tree);
  const lines = statementLines(metered, billed.uses);
  const closed = isClosed(stored.ledger.period, billed.through, nowMs);
  const final = closed ? await settleHeld(services, { tree, options }) : stored;
  const status = statusOf({ stored: final, billed, lines, nowMs, closed });
  const spec = specOf(budget.metadata, options);
  await writeStatement(kube, { namespace, name, spec, status }, { signal });
  for (const below of allBelow(closed ? await readTree(services.ledgerStore, final, { signal }) : tree))
    await writeBelow(services, { below, closed, options });
  return {
    source: billed.source,
    uses: billed.uses,
    through: billed.through,
    meteredDays: [...new Set(metered.map(({ day }) => day))].sort(),
    unattributed: unattributedIn(lines, billed.through),
  };
}

function readLedger(
  { ledgerStore }: UsageServices,
  { budget, period, signal }: RefreshOptions,
): Promise<StoredLedger | undefined> {
  return ledgerStore.read(ledgerName(budget.metadata, period.name), { signal });
}

/** What nothing has explained by now counts as spent; a statement that is closed must not change any more. */
async function settleHeld(
  services: UsageServices,
  { tree, options }: { tree: LedgerTree; options: RefreshOptions },
): Promise<StoredLedger> {
  const { signal } = options;
  // Each tells the one above, which holds the rest of it until then.
  for (const { stored } of [...allBelow(tree), tree]) {
    const book = await services.ledgers.find(stored.uid, stored.ledger.budget, { signal });
    await book?.settleHeld();
    await book?.tellParent();
  }
  return (await readLedger(services, options)) ?? tree.stored;
}

/** The statement of a budget below: SAP bills the root alone, so it has what was metered. */
async function writeBelow(
  { kube }: UsageServices,
  { below, closed, options }: { below: LedgerTree; closed: boolean; options: RefreshOptions },
): Promise<void> {
  const { ledger } = below.stored;
  const lines = statementLines(meteredIn(below), []);
  const status: SapAiStatementStatus = {
    days: encodeLines(lines),
    totals: {
      metered: formatAmount(ledger.totals.settled),
      meteredByDay: formatAmount(lines.reduce((sum, { metered }) => sum + metered, 0n)),
      held: formatAmount(ledger.totals.held),
    },
    closed,
  };
  const { namespace } = ledger.budget;
  const name = statementName(ledger.budget, ledger.period.name);
  const statement = { namespace, name, spec: specOf(ledger.budget, options), status };
  await writeStatement(kube, statement, { signal: options.signal });
}

function specOf({ name }: BudgetRef, { period, subaccountId }: RefreshOptions): SapAiStatementSpec {
  return {
    budget: name,
    period: period.name,
    periodStart: isoSeconds(period.startMs),
    periodEnd: isoSeconds(period.endMs),
    subaccountId,
  };
}

async function read(
  { api, subaccountId, period, signal }: RefreshOptions,
  { previous, nowMs }: { previous: SapAiStatementStatus | undefined; nowMs: number },
): Promise<Billed> {
  const today = utcDay(nowMs);
  const last = utcDay(period.endMs - 1);
  const span = { from: utcDay(period.startMs), to: last < today ? last : today };
  const before = { uses: billedInText(previous?.days ?? ''), through: previous?.dataThrough };
  const billed = await readBilled({ api, subaccountId, span, today, before, signal });
  const had = before.uses.some(({ capacityUnits }) => capacityUnits !== 0n);
  if (had && billed.uses.length === 0) throw emptyAnswer(monthOf(span.from));
  return billed;
}

function statusOf({
  stored,
  billed,
  lines,
  nowMs,
  closed,
}: {
  stored: StoredLedger;
  billed: Billed;
  lines: readonly StatementLine[];
  nowMs: number;
  closed: boolean;
}): SapAiStatementStatus {
  const { totals } = stored.ledger;
  const meteredByDay = lines.reduce((sum, { metered }) => sum + metered, 0n);
  const total = lines.reduce((sum, line) => sum + line.billed, 0n);
  return {
    source: billed.source,
    ...(billed.through === undefined ? {} : { dataThrough: billed.through }),
    polledAt: isoSeconds(nowMs),
    days: encodeLines(lines),
    totals: {
      metered: formatAmount(totals.settled),
      meteredByDay: formatAmount(meteredByDay),
      billed: formatAmount(total),
      unattributed: formatAmount(unattributedIn(lines, billed.through) ?? 0n),
      held: formatAmount(totals.held),
    },
    closed,
  };
}

function isClosed({ endMs }: Period, through: string | undefined, nowMs: number): boolean {
  const complete = through !== undefined && through >= utcDay(endMs - 1);
  return nowMs >= endMs + (complete ? closedAfterMs : givenUpAfterMs);
}

/** Billed and not metered, over the days SAP has reported. */
function unattributedIn(lines: readonly StatementLine[], through: string | undefined): bigint | undefined {
  if (through === undefined) return undefined;
  const told = lines.filter(({ day }) => day <= through);
  return told.reduce((sum, { billed, metered }) => sum + billed - metered, 0n);
}

function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
