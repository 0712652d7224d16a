import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LedgerEntry, type LedgerPage, PageSet } from './ledger-pages.ts';
import { period } from './ledger-scene.ts';
import { decodePage, encodePage } from './entries-text.ts';
import { decodeLedger, encodeLedger } from './ledger-text.ts';
import { type Ledger, type LedgerRow, changeRow, copyLedger, emptyRow, meter, newLedger } from './ledger.ts';
import type { UnknownCost } from './messages.ts';

const row: LedgerRow = {
  ...emptyRow({ key: 'pod:a', name: 'team-a/a', state: 'open' }),
  incarnation: 1,
  processId: '00000000000000aa',
  wholeSince: 1,
  expires: 1_795_350_845,
};

function ledgerOf(...names: string[]): Ledger {
  const budget = { namespace: 'team-a', name: 'chat' };
  const ledger = newLedger({ budget, period, cap: 1_000_000n });
  for (const name of names) touch(ledger, name);
  return ledger;
}

/** A report of a pod that spends, has a cost nobody knows, and uses a model. */
function touch(ledger: Ledger, name: string, amount = 5n): void {
  const key = `pod:${name}`;
  const unknownCosts: UnknownCost[] = [
    { reason: 'usage_missing', count: 1, sinceMs: 1_795_350_845_000, amount: 1n },
  ];
  changeRow(ledger, ledger.rows.get(key) ?? { ...row, key, name: `team-a/${name}` }, (r) => {
    Object.assign(r, {
      granted: r.granted + amount,
      spent: r.spent + amount - 1n,
      unknown: 1n,
      unknownCosts,
    });
    r.granted += r.unknown;
    r.seq += 1;
  });
  meter(ledger, [
    { day: '2026-11-03', model: `m-${name}`, version: '1', input: 1, cacheRead: 0, output: 1, spent: amount },
  ]);
}

function pageOf(
  ledger: Ledger,
  { name, take }: { name: string; take: (key: string) => boolean },
): LedgerPage {
  const all: [string, LedgerEntry][] = [...ledger.rows, ...ledger.usage];
  const entries = new Map(all.filter(([key]) => take(key)));
  return { name, entries, bytes: 0 };
}

/** The ledger and its pages, as another process reads them. */
function readBack(ledger: Ledger, pages: PageSet): Ledger {
  const text = encodeLedger(ledger, pages);
  const stored = pages.pages.map((page) => decodePage(page.name, encodePage(page)));
  expect(text.pages).toEqual(stored.map(({ name }) => name));
  return decodeLedger(text, new PageSet(stored));
}

const lines = (text: string): number => text.split('\n').length - 1;

describe('a ledger with pages', () => {
  test('stores only what is not as a page says', () => {
    const ledger = ledgerOf('a', 'b', 'c');
    const pages = new PageSet([pageOf(ledger, { name: 'p', take: () => true })]);
    expect(lines(encodeLedger(ledger, pages).rows)).toBe(0);
    const later = copyLedger(ledger);
    touch(later, 'b');
    const text = encodeLedger(later, pages);
    expect([lines(text.rows), lines(text.heldRows), lines(text.usage)]).toEqual([1, 1, 1]);
    expect(readBack(later, pages)).toEqual(later);
    expect(readBack(ledger, pages)).toEqual(ledger);
  });

  test('says which rows of a page it has no more', () => {
    const ledger = ledgerOf('a', 'b');
    const pages = new PageSet([pageOf(ledger, { name: 'p', take: () => true })]);
    changeRow(ledger, ledger.rows.get('pod:a') ?? row, (r) =>
      Object.assign(r, { granted: 0n, spent: 0n, unknown: 0n, unknownCosts: [] }),
    );
    ledger.rows.delete('pod:a');
    expect(encodeLedger(ledger, pages).rows.split('\n').slice(1)).toEqual(['pod:a gone']);
    expect(readBack(ledger, pages)).toEqual(ledger);
  });

  test('does not add up when a page was edited', () => {
    const ledger = ledgerOf('a', 'b');
    const page = pageOf(ledger, { name: 'p', take: () => true });
    const text = encodePage(page);
    const edited = decodePage('p', {
      ...text,
      rows: text.rows.replace('0.000000006', '0.000000007'),
    });
    const head = encodeLedger(ledger, new PageSet([page]));
    expect(() => decodeLedger(head, new PageSet([edited]))).toThrow(
      expect.objectContaining({ reason: 'does_not_add_up' }),
    );
  });

  const step = fc.record({
    op: fc.constantFrom('touch', 'touch', 'touch', 'remove', 'page', 'replace', 'drop'),
    pod: fc.nat(7),
    pick: fc.nat(255),
  });

  test('is read back as it was, whatever changes and whichever pages are made and replaced', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        let ledger = ledgerOf('0');
        let pages = new PageSet([]);
        for (const [at, { op, pod, pick }] of steps.entries()) {
          // Rows are shared among versions: one that changed in place would show in an older page.
          ledger = copyLedger(ledger);
          if (op === 'touch') touch(ledger, String(pod), BigInt(pick + 2));
          if (op === 'remove') remove(ledger, `pod:${pod}`);
          if (op === 'drop') pages = new PageSet(pages.pages.slice(1));
          if (op === 'page' || op === 'replace') {
            const take = (key: string): boolean => ((pick >> (key.charCodeAt(key.length - 1) % 8)) & 1) === 1;
            const kept = op === 'replace' ? pages.pages.slice(1) : pages.pages;
            pages = new PageSet([...kept, pageOf(ledger, { name: `p${at}`, take })]);
          }
          expect(readBack(ledger, pages)).toEqual(ledger);
        }
      }),
      { numRuns: 60 },
    );
  });
});

function remove(ledger: Ledger, key: string): void {
  const known = ledger.rows.get(key);
  if (known === undefined) return;
  changeRow(ledger, known, (r) =>
    Object.assign(r, { granted: 0n, spent: 0n, unknown: 0n, unknownCosts: [] }),
  );
  ledger.rows.delete(key);
}
