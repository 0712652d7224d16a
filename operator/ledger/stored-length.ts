import { encodePage, lengthOf } from '../../accounting/entries-text.ts';
import type { LedgerPage } from '../../accounting/ledger-pages.ts';
import type { LedgerText } from '../../accounting/ledger-text.ts';

/** What the name of a page takes in a ledger's object. */
export const pageNameLength = 9;
/** Beside its lines a ledger's object has its sums, metadata and who has set which field; measured in etcd. */
const ledgerBeside = 1400;
/** The same of a page. */
const pageBeside = 850;

/** About the bytes that etcd stores for a write of a ledger. */
export function ledgerLength(text: LedgerText): number {
  return ledgerBeside + lengthOf(text) + text.shares.length + text.pages.length * pageNameLength;
}

/** About the bytes that etcd stores for a page; its lines alone are what it has to say. */
export function pageLengths(entries: LedgerPage['entries']): { lines: number; stored: number } {
  const lines = lengthOf(encodePage({ entries }));
  return { lines, stored: pageBeside + lines };
}
