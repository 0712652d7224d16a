import { expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import { encodePage, lengthOf } from '../../accounting/entries-text.ts';
import type { LeaseAnswer } from '../../accounting/messages.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { holder, need } from './test-ledgers.ts';
import type { LedgerSide } from './test-ledgers.ts';
import { LedgerWorld, ask, bookOf } from './test-world.ts';

const { signal } = new AbortController();
const world = LedgerWorld.forFile();

const many = Array.from({ length: 300 }, (_, index) => `holder-of-a-long-name-${index}`);

/** Every holder opens and is granted 2 CU. */
async function openAll(side: LedgerSide, uid: string): Promise<void> {
  await Promise.all(many.map((name) => ask(side, uid, { name, amount: '2' })));
}

/** One more CU for one holder; `seq` counts its asks. */
async function askAgain(
  side: LedgerSide,
  uid: string,
  { name, seq }: { name: string; seq: number },
): Promise<LeaseAnswer> {
  const pod = holder(name);
  const report = pod.report(uid, { seq, ask: '1', spent: '1' });
  return (await bookOf(side, uid)).handle(report, pod.context(side.clock.nowMs()));
}

/** Holders ask one after the other. */
async function askInTurn(sides: readonly LedgerSide[], uid: string, seqs: readonly number[]): Promise<void> {
  for (const seq of seqs)
    for (const [index, name] of many.slice(0, 30).entries()) {
      const side = sides[index % sides.length];
      if (side !== undefined) await askAgain(side, uid, { name, seq });
    }
}

/** All holders ask, several at once, until so much has changed that pages are taken in. */
async function askOften(side: LedgerSide, uid: string, seqs: readonly number[]): Promise<void> {
  for (const seq of seqs)
    for (let at = 0; at < many.length; at += 30)
      await Promise.all(many.slice(at, at + 30).map((name) => askAgain(side, uid, { name, seq })));
}

/** Names of the pages that there are. */
async function pagesOf(side: LedgerSide, name: string): Promise<string[]> {
  const stored = await side.store.read(name, { signal });
  if (stored === undefined) throw new Error('no ledger');
  const labels = stored.metadata.labels ?? {};
  return side.store.pages.namesOf({ ledger: name, labels }, { signal });
}

test('a write of a large ledger stores what has changed lately, and all of it is read back', async () => {
  const { side, uid, name } = await world.startWith('100000');
  await openAll(side, uid);
  await askOften(side, uid, [2, 3]);
  const stored = await side.store.read(name, { signal });
  if (stored === undefined) throw new Error('no ledger');
  expect(stored.pages.length).toBeGreaterThan(0);
  const whole = lengthOf(encodePage({ entries: new Map(stored.ledger.rows) }));
  const last = side.writes.findLast(({ changes }) => changes > 0)?.bytes ?? Infinity;
  expect(last).toBeLessThan(whole / 2);
  expect(stored.ledger.rows.size).toBe(300);
  expect(stored.ledger.totals).toMatchObject({
    settled: parseAmount('300'),
    outstanding: parseAmount('900'),
  });
  await eventually(
    async () => {
      const [there, named] = [await pagesOf(side, name), await side.store.read(name, { signal })];
      const names = named?.pages.map((page) => page.name) ?? [];
      // One may be prepared for the next write.
      return there.length <= names.length + 1 && names.every((one) => there.includes(one)) ? true : undefined;
    },
    { what: 'replaced pages to be deleted', timeoutMs: 20_000 },
  );
});

test('two operators that replace each other’s pages lose nothing', async () => {
  const { side, uid, name } = await world.startWith('100000');
  const other = await world.start();
  await other.ledgers.ensureLedger(need('100000'), { signal });
  await openAll(side, uid);
  await askInTurn([side, other], uid, [2, 3, 4]);
  const stored = await other.store.read(name, { signal });
  expect(stored?.ledger.totals).toMatchObject({
    settled: parseAmount('30'),
    outstanding: parseAmount('660'),
  });
  expect(stored?.ledger.rows.size).toBe(300);
});

test('a ledger goes on when pages cannot be written, and when nobody knows whether they were', async () => {
  const { side, uid, name } = await world.startWith('100000');
  await openAll(side, uid);
  side.proxy.inject({ on: /^POST .*sapailedgerpages/, loseAnswer: true, times: 1 });
  side.proxy.inject({ on: 'PUT', loseAnswer: true, times: 3 });
  await askInTurn([side], uid, [2, 3]);
  const stored = await side.store.read(name, { signal });
  expect(stored?.ledger.totals).toMatchObject({
    settled: parseAmount('30'),
    outstanding: parseAmount('630'),
  });
});

test('a page that cannot be deleted is noted, and the ledger goes on', async () => {
  const { side, uid } = await world.startWith('100000');
  await openAll(side, uid);
  const broken = { status: 500, body: { kind: 'Status', code: 500, message: 'no' } };
  side.proxy.inject({ on: /^DELETE .*sapailedgerpages/, answer: broken });
  await askOften(side, uid, [2, 3, 4]);
  await eventually(async () => side.failures[0], { what: 'a failed deletion', timeoutMs: 20_000 });
  expect(side.failures[0]).toMatchObject({ upkeep: 'delete_page' });
  await askOften(side, uid, [5]);
});

test('nothing is granted from a ledger whose page was deleted', async () => {
  const { side, uid, name } = await world.startWith('100000');
  await openAll(side, uid);
  await askInTurn([side], uid, [2, 3]);
  const stored = await side.store.read(name, { signal });
  const page = stored?.pages[0];
  if (page === undefined) throw new Error('no page');
  await side.store.pages.delete(page.name, { signal });
  const other = await world.start();
  await expect(other.ledgers.ensureLedger(need('100000'), { signal })).rejects.toMatchObject({
    name: 'LedgerError',
    reason: 'lost',
  });
});
