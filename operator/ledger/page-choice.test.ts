import { expect, test } from 'vitest';
import { PageSet } from '../../accounting/ledger-pages.ts';
import { type Ledger, changeRow, copyLedger, emptyRow, newLedger } from '../../accounting/ledger.ts';
import { Repeated, choosePages, lengthsByPage, pageLength } from './page-choice.ts';
import { need } from './test-ledgers.ts';

const { budget, period, cap } = need('10');

function touch(ledger: Ledger, index: number): void {
  const key = `pod:0c1f8a52-5e0f-4d53-9c4c-${String(index).padStart(12, '0')}`;
  const name = `team-a/chat-7f9c8d6b5-${index}`;
  const row = ledger.rows.get(key) ?? emptyRow({ key, name, state: 'open' });
  changeRow(ledger, row, (r) => (r.seq += 1));
}

function ledgerOf(holders: number): Ledger {
  const ledger = newLedger({ budget, period, cap });
  for (let index = 0; index < holders; index += 1) touch(ledger, index);
  return ledger;
}

/** As many writes as are needed until pages are worth it; what a write repeats is that of this ledger. */
function writesUntilChosen(ledger: Ledger, pages: PageSet, most = 1000) {
  const repeated = new Repeated();
  for (let write = 1; write <= most; write += 1) {
    const lengths = lengthsByPage(pages, pages.beyond(ledger));
    repeated.add(lengths);
    const choices = choosePages({ pages, ledger }, { lengths, repeated });
    if (choices.length > 0) return { write, choices };
  }
  return undefined;
}

function paged(ledger: Ledger): PageSet {
  const { choices } = writesUntilChosen(ledger, new PageSet([])) ?? { choices: [] };
  return new PageSet(choices.map(({ entries }, at) => ({ name: `p${at}`, entries, bytes: pageLength })));
}

test('pages are not made of a ledger that people read in one object', () => {
  expect(writesUntilChosen(ledgerOf(100), new PageSet([]))).toBeUndefined();
});

test('pages are made of all rows of a large ledger once, each with as much as a page has room for', () => {
  const ledger = ledgerOf(1000);
  const pages = paged(ledger);
  expect(pages.pages.flatMap(({ entries }) => [...entries.keys()])).toEqual([...ledger.rows.keys()]);
  expect(pages.pages.length).toBeGreaterThan(5);
  expect(pages.beyond(ledger)).toEqual({ rows: [], usage: [], gone: [] });
});

test('pages are replaced once a write has repeated as much because of them as they are long, and only those', () => {
  const ledger = copyLedger(ledgerOf(1000));
  const pages = paged(ledger);
  for (const index of [3, 4, 5, 6]) touch(ledger, index);
  const chosen = writesUntilChosen(ledger, pages);
  expect(chosen?.choices.map(({ replaces }) => replaces?.name)).toEqual(['p0']);
  // Four rows of a page of more than a hundred.
  expect(chosen?.write).toBeGreaterThan(20);
  expect(chosen?.write).toBeLessThan(60);
});

test('pages take in rows that no page has as far as there is room', () => {
  const ledger = copyLedger(ledgerOf(1000));
  const pages = paged(ledger);
  // All rows of the last page, which is not full.
  for (let index = 995; index < 1000; index += 1) touch(ledger, index);
  touch(ledger, 5000);
  const choice = writesUntilChosen(ledger, pages)?.choices[0];
  expect(choice?.replaces?.name).toBe(pages.pages.at(-1)?.name);
  expect([...(choice?.entries.keys() ?? [])].at(-1)).toContain('5000');
});
