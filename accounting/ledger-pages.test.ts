import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LedgerEntry, type LedgerPage, adoptPages, noPages } from './ledger-pages.ts';
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
  const gone = [...ledger.rows.beyond].filter(([, entry]) => entry === undefined);
  const all: [string, LedgerEntry | undefined][] = [...ledger.rows, ...gone, ...ledger.usage];
  const entries = new Map(all.filter(([key]) => take(key)));
  return { name, entries, bytes: 0 };
}

/** A ledger that was stored with these pages: it says beside them what they do not. */
function storedWith(ledger: Ledger, ...pages: LedgerPage[]): Ledger {
  adoptPages(ledger, pages);
  return ledger;
}

/** The ledger and its pages, as another process reads them. */
function readBack(ledger: Ledger, pages: readonly LedgerPage[], added: readonly LedgerPage[] = []): Ledger {
  const text = encodeLedger(ledger, { pages, added });
  const stored = pages.map((page) => decodePage(page.name, encodePage(page)));
  expect(text.pages).toEqual(stored.map(({ name }) => name));
  return decodeLedger(text, stored);
}

/** All of it, whichever part is in pages. */
function plain(ledger: Ledger): object {
  return { ...ledger, rows: new Map(ledger.rows), usage: new Map(ledger.usage), live: undefined };
}

const lines = (text: string): number => text.split('\n').length - 1;

describe('a ledger with pages', () => {
  test('stores only what is not as a page says', () => {
    const ledger = ledgerOf('a', 'b', 'c');
    const pages = [pageOf(ledger, { name: 'p', take: () => true })];
    expect(lines(encodeLedger(ledger, { pages, added: pages }).rows)).toBe(0);
    expect(lines(encodeLedger(ledger, noPages).rows)).toBe(3);
    const later = copyLedger(storedWith(ledger, ...pages));
    touch(later, 'b');
    const text = encodeLedger(later, { pages, added: [] });
    expect([lines(text.rows), lines(text.heldRows), lines(text.usage)]).toEqual([1, 1, 1]);
    expect(plain(readBack(later, pages))).toEqual(plain(later));
    expect(plain(readBack(ledger, pages))).toEqual(plain(ledger));
  });

  test('says which rows of a page it has no more, until a later page says so', () => {
    const ledger = ledgerOf('a', 'b');
    const page = pageOf(ledger, { name: 'p', take: () => true });
    storedWith(ledger, page);
    remove(ledger, 'pod:a');
    expect(
      encodeLedger(ledger, { pages: [page], added: [] })
        .rows.split('\n')
        .slice(1),
    ).toEqual(['pod:a gone']);
    expect(plain(readBack(ledger, [page]))).toEqual(plain(ledger));
    const later = pageOf(ledger, { name: 'q', take: (key) => key === 'pod:a' });
    expect(plain(readBack(ledger, [page, later], [later]))).toEqual(plain(ledger));
    storedWith(ledger, later);
    expect(lines(encodeLedger(ledger, { pages: [page, later], added: [] }).rows)).toBe(0);
  });

  test('says that a row is gone which a page has that was made before', () => {
    const ledger = ledgerOf('a', 'b');
    const page = pageOf(ledger, { name: 'p', take: () => true });
    remove(ledger, 'pod:a');
    expect(plain(readBack(ledger, [page], [page]))).toEqual(plain(ledger));
    expect([...readBack(ledger, [page], [page]).rows.keys()]).toEqual(['pod:b']);
  });

  test('does not add up when a page was edited', () => {
    const ledger = ledgerOf('a', 'b');
    const page = pageOf(ledger, { name: 'p', take: () => true });
    const text = encodePage(page);
    const edited = decodePage('p', {
      ...text,
      rows: text.rows.replace('0.000000006', '0.000000007'),
    });
    const head = encodeLedger(ledger, { pages: [page], added: [page] });
    expect(() => decodeLedger(head, [edited])).toThrow(
      expect.objectContaining({ reason: 'does_not_add_up' }),
    );
  });

  const step = fc.record({
    op: fc.constantFrom('touch', 'touch', 'touch', 'remove', 'page', 'write', 'write', 'fail', 'restart'),
    pod: fc.nat(7),
    pick: fc.nat(255),
  });

  test('is read back as it was, whatever changes and whichever pages are made meanwhile', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        let ledger = ledgerOf('0');
        let pages: LedgerPage[] = [];
        let added: LedgerPage[] = [];
        for (const [at, { op, pod, pick }] of steps.entries()) {
          const before = plain(ledger);
          // Rows are shared among versions: one that changed in place would show in an older page.
          const copy = copyLedger(ledger);
          if (op === 'touch') touch(copy, String(pod), BigInt(pick + 2));
          if (op === 'remove') remove(copy, `pod:${pod}`);
          expect(plain(ledger)).toEqual(before);
          ledger = copy;
          // What is chosen for a page may change before a write names it.
          if (op === 'page' && added.length === 0) {
            const take = (key: string): boolean => ((pick >> (key.charCodeAt(key.length - 1) % 8)) & 1) === 1;
            added = [pageOf(ledger, { name: `p${at}`, take })];
          }
          expect(plain(readBack(ledger, [...pages, ...added], added))).toEqual(plain(ledger));
          if (op === 'write') {
            storedWith(ledger, ...added);
            pages = [...pages, ...added];
          }
          if (op === 'write' || op === 'fail') added = [];
          if (op === 'restart') ledger = readBack(ledger, pages);
          expect(ledger.rows.size).toBe([...ledger.rows].length);
          expect(plain(readBack(ledger, pages))).toEqual(plain(ledger));
        }
      }),
      { numRuns: 200 },
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
