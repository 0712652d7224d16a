import { formatAmount } from '../../accounting/amount.ts';
import { utcDay } from '../../accounting/metered-usage.ts';
import type { Period } from '../../accounting/period.ts';
import type { SapAiBudget } from '../../crds/budget.ts';
import type { SapAiStatementSpec, SapAiStatementStatus } from '../../crds/statement.ts';
import type { BudgetRef } from '../configuration/budget-ref.ts';
import { isKubeError } from '../kube/kube-error.ts';
import { ledgerName } from '../ledger/ledger-store.ts';
import type { StoredLedger } from '../ledger/ledger-store.ts';
import type { BilledUse } from './billed.ts';
import { closePeriod } from './close-period.ts';
import type { PeriodClose } from './close-period.ts';
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
  const { budget, subaccountId, period, api, signal } = options;
  const { kube } = services;
  const { namespace } = budget.metadata;
  const name = statementName(budget.metadata, period.name);
  const previous = await readStatement(kube, { namespace, name }, { signal });
  if (previous?.closed === true) return undefined;
  const stored = await readLedger(services, options);
  if (stored === undefined) return undefined;
  const nowMs = services.clock.nowMs();
  const billed = await read(options, { previous, nowMs });
  const tree = await readTree(services.ledgerStore, stored, { signal });
  const metered = meteredIn(tree);
  const lines = statementLines(metered, billed.uses);
  const { through } = billed;
  const close = await closePeriod(services.ledgers, { tree, api, subaccountId, through, nowMs, signal });
  const final = close.closed ? await readAgain(services, tree, options) : tree;
  const failures = await writeAllBelow(services, { tree: final, close, options });
  const closing = closingOf(close, stored.uid, previous);
  // A root that is closed is not looked at again: it waits for those below.
  const closed = close.closed && failures.length === 0;
  const status = statusOf({ tree: final, billed, lines, nowMs, closing, closed });
  const spec = specOf(budget.metadata, options);
  await writeStatement(kube, { namespace, name, spec, status }, { signal });
  if (failures.length > 0) throw failures[0];
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

/** As its close left it. */
async function readAgain(
  services: UsageServices,
  tree: LedgerTree,
  options: RefreshOptions,
): Promise<LedgerTree> {
  const stored = (await readLedger(services, options)) ?? tree.stored;
  return readTree(services.ledgerStore, stored, options);
}

/** What a close said that was broken off stays: nothing is held any more of which the next one could say it again. */
function closingOf(
  { closed, closings }: PeriodClose,
  uid: string,
  previous: SapAiStatementStatus | undefined,
): SapAiStatementStatus['closing'] {
  const said = previous?.closing;
  return closings.get(uid) ?? (closed && said?.evidence !== 'Pending' ? said : undefined);
}

interface Below {
  tree: LedgerTree;
  close: PeriodClose;
  options: RefreshOptions;
}

/** Resolves to what failed, of which the others are no part. Where its namespace is gone, nobody is left to be told. */
async function writeAllBelow(
  services: UsageServices,
  { tree, close, options }: Below,
): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  for (const below of allBelow(tree)) {
    await writeBelow(services, { tree: below, close, options }).catch((error: unknown) => {
      if (!isKubeError(error, 'NotFound')) failures.push(error);
    });
  }
  return failures;
}

/** The statement of a budget below: SAP bills the root alone, so it has what was metered. */
async function writeBelow({ kube }: UsageServices, { tree, close, options }: Below): Promise<void> {
  const { signal } = options;
  const { ledger, uid } = tree.stored;
  const { namespace } = ledger.budget;
  const name = statementName(ledger.budget, ledger.period.name);
  const previous = close.closed ? await readStatement(kube, { namespace, name }, { signal }) : undefined;
  const closing = closingOf(close, uid, previous);
  const lines = statementLines(meteredIn(tree), []);
  const status: SapAiStatementStatus = {
    days: encodeLines(lines),
    totals: {
      metered: formatAmount(ledger.totals.settled),
      meteredByDay: formatAmount(lines.reduce((sum, { metered }) => sum + metered, 0n)),
      held: formatAmount(ledger.totals.held),
      released: formatAmount(releasedIn(tree)),
    },
    ...(closing && { closing }),
    closed: close.closed,
  };
  const statement = { namespace, name, spec: specOf(ledger.budget, options), status };
  await writeStatement(kube, statement, { signal });
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
  tree,
  billed,
  lines,
  nowMs,
  closing,
  closed,
}: {
  tree: LedgerTree;
  billed: Billed;
  lines: readonly StatementLine[];
  nowMs: number;
  closing: SapAiStatementStatus['closing'];
  closed: boolean;
}): SapAiStatementStatus {
  const { totals } = tree.stored.ledger;
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
      released: formatAmount(releasedIn(tree)),
    },
    ...(closing && { closing }),
    closed,
  };
}

/** What was held in a ledger or below it and found not to have been spent, nano-CU. */
function releasedIn(tree: LedgerTree): bigint {
  const rows = [tree, ...allBelow(tree)].flatMap(({ stored }) => [...stored.ledger.rows.values()]);
  return rows.reduce((sum, { released }) => sum + released, 0n);
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
