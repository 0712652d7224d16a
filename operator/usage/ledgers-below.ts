import { isLedgerKey, ledgerKey } from '../../accounting/ledger.ts';
import type { MeteredUsage } from '../../accounting/messages.ts';
import { parseBudgetKey } from '../configuration/budget-ref.ts';
import { ledgerName } from '../ledger/ledger-store.ts';
import type { LedgerStore, StoredLedger } from '../ledger/ledger-store.ts';

/** A ledger with those that are holders in it, and so on. */
export interface LedgerTree {
  stored: StoredLedger;
  below: LedgerTree[];
}

/**
 * A ledger with those below it, as they are stored. One that is gone is left out: what it told is in its row.
 *
 * @throws KubeError, or what makes a ledger unreadable
 */
export async function readTree(
  ledgerStore: Pick<LedgerStore, 'read'>,
  stored: StoredLedger,
  { signal }: { signal: AbortSignal },
): Promise<LedgerTree> {
  const { rows, period } = stored.ledger;
  const below: LedgerTree[] = [];
  for (const { key, name } of rows.values()) {
    if (!isLedgerKey(key)) continue;
    const found = await ledgerStore.read(ledgerName(parseBudgetKey(name), period.name), { signal });
    if (found && ledgerKey(found.uid) === key) below.push(await readTree(ledgerStore, found, { signal }));
  }
  return { stored, below };
}

/** All ledgers below, those that are nobody's parent first. */
export function allBelow({ below }: LedgerTree): LedgerTree[] {
  return below.flatMap((tree) => [...allBelow(tree), tree]);
}

/** What was metered in a ledger and below it: each line is in one ledger alone. */
export function meteredIn(tree: LedgerTree): MeteredUsage[] {
  return [tree, ...allBelow(tree)].flatMap(({ stored }) => [...stored.ledger.usage.values()]);
}
