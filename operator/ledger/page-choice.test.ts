import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodePage, lengthOf } from '../../accounting/entries-text.ts';
import {
  type LedgerEntry,
  type LedgerPage,
  type NamedPages,
  adoptPages,
} from '../../accounting/ledger-pages.ts';
import { decodeLedger, encodeLedger } from '../../accounting/ledger-text.ts';
import { type Ledger, changeRow, copyLedger, emptyRow, newLedger } from '../../accounting/ledger.ts';
import { choosePages, usualPageSizes } from './page-choice.ts';
import { PageIndex } from './page-index.ts';
import { need } from './test-ledgers.ts';

const { full } = usualPageSizes;
const { budget, period, cap } = need('10');

/** A ledger as it is stored, and its pages, without an API server. */
class Stored {
  ledger: Ledger;
  pages: LedgerPage[] = [];
  index = new PageIndex();
  readonly written: LedgerPage[] = [];
  /** Told before the ledger takes over what the pages say. */
  onWrite: ((named: NamedPages) => void) | undefined;
  #lately: ReadonlySet<LedgerEntry> = new Set();

  constructor(holders: number) {
    this.ledger = newLedger({ budget, period, cap });
    for (let index = 0; index < holders; index += 1) this.touch(index);
  }

  touch(index: number): void {
    const key = keyOf(index);
    const name = `team-a/chat-7f9c8d6b5-${index}`;
    const row = this.ledger.rows.get(key) ?? emptyRow({ key, name, state: 'open' });
    changeRow(this.ledger, row, (r) => (r.seq += 1));
  }

  remove(index: number): void {
    this.ledger.rows.delete(keyOf(index));
  }

  /** The next write: it names the pages that were chosen by the last one, as it found the ledger. */
  write(change: () => void = () => undefined): void {
    const choices = choosePages(this, (entry) => this.#lately.has(entry));
    this.#lately = new Set([...this.ledger.rows.beyond.values()].filter((row) => row !== undefined));
    this.ledger = copyLedger(this.ledger);
    change();
    const added = choices.map(({ entries }, at): LedgerPage => {
      const name = `p${this.written.length + at}`;
      return { name, entries, bytes: lengthOf(encodePage({ entries })) };
    });
    const dropped = choices.flatMap(({ drops }) => drops);
    const pages = [...this.pages.filter((page) => !dropped.includes(page)), ...added];
    this.onWrite?.({ pages, added });
    adoptPages(this.ledger, added);
    this.index.follow({ added, dropped });
    this.pages = pages;
    this.written.push(...added);
  }

  /** Characters of the rows in the ledger's own object. */
  get repeated(): number {
    return lengthOf(encodeLedger(this.ledger, { pages: this.pages, added: [] }));
  }
  get inPages(): number {
    return this.pages.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

function keyOf(index: number): string {
  return `pod:0c1f8a52-5e0f-4d53-9c4c-${String(index).padStart(12, '0')}`;
}

function paged(holders: number): Stored {
  const stored = new Stored(holders);
  stored.write();
  stored.write();
  return stored;
}

test('pages are not made of a ledger that people read in one object', () => {
  const stored = new Stored(100);
  for (let write = 0; write < 100; write += 1) stored.write(() => stored.touch(write));
  expect(stored.written).toEqual([]);
});

test('pages are made of all rows of a large ledger that do not change, each with as much as there is room for', () => {
  const stored = paged(1000);
  expect(stored.pages.flatMap(({ entries }) => [...entries.keys()])).toEqual([...stored.ledger.rows.keys()]);
  expect(stored.pages.length).toBeGreaterThan(5);
  expect(stored.pages.every(({ bytes }) => bytes < 1.1 * full)).toBe(true);
  expect(stored.ledger.rows.beyond.size).toBe(0);
});

test('a page is made of what has changed once that is enough, without what changes all the time', () => {
  const stored = paged(1000);
  const before = stored.written.length;
  let write = 0;
  for (; stored.written.length === before && write < 100; write += 1)
    stored.write(() => [0, 100 + write].map((index) => stored.touch(index)));
  const [page] = stored.written.slice(before);
  expect(page?.entries.has(keyOf(100))).toBe(true);
  expect(page?.entries.has(keyOf(0))).toBe(false);
  expect(page?.entries.size).toBe(write - 2);
  // About four kilobytes of rows.
  expect(write).toBeGreaterThan(20);
  expect(write).toBeLessThan(60);
});

describe('whatever changes', () => {
  test.each([
    { name: 'one row at a time, at random', holders: 1000, rows: 1, spread: 1000 },
    { name: 'many rows at a time', holders: 1000, rows: 20, spread: 1000 },
    { name: 'always the same few rows', holders: 1000, rows: 1, spread: 50 },
  ])('pages are at most about twice as long as their rows, and writes short: $name', (given) => {
    const { holders, rows, spread } = given;
    const stored = paged(holders);
    let random = 1;
    let repeated = 0;
    const writes = 1000;
    for (let write = 0; write < writes; write += 1) {
      stored.write(() => {
        for (let row = 0; row < rows; row += 1) {
          random = (random * 48_271) % 2_147_483_647;
          stored.touch(random % spread);
        }
      });
      repeated += stored.repeated;
    }
    const all = lengthOf(encodePage({ entries: new Map(stored.ledger.rows) }));
    const changed = (writes * rows * all) / holders;
    const written = stored.written.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(stored.inPages).toBeLessThan(2 * all + 2 * full);
    expect(written).toBeLessThan(all + 2 * changed + full);
    expect(repeated / writes).toBeLessThan(4000 + (2.5 * rows * all) / holders);
  });

  const step = fc.record({
    touched: fc.array(fc.nat(199), { maxLength: 40 }),
    removed: fc.array(fc.nat(199), { maxLength: 3 }),
    quiet: fc.nat(2),
  });

  test('nothing is lost, and nothing that is gone comes back', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const stored = paged(200);
        stored.onWrite = (named) => {
          const read = decodeLedger(encodeLedger(stored.ledger, named), named.pages);
          expect(new Map(read.rows)).toEqual(new Map(stored.ledger.rows));
        };
        for (const { touched, removed, quiet } of steps) {
          stored.write(() => {
            for (const index of touched) stored.touch(index);
            for (const index of removed) stored.remove(index);
          });
          for (let write = 0; write < quiet; write += 1) stored.write();
        }
        const later = new PageIndex(stored.pages);
        expect([later.needed, later.bytes]).toEqual([stored.index.needed, stored.index.bytes]);
      }),
      { numRuns: 40 },
    );
  });
});
