import { expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import { eventually } from '../../test/control-plane/eventually.ts';
import { holder, need } from './test-ledgers.ts';
import type { LedgerSide } from './test-ledgers.ts';
import { LedgerWorld, ask } from './test-world.ts';

const world = LedgerWorld.forFile();
const { signal } = new AbortController();
const cu = parseAmount;

/** Of ten CU, the pod `a` holds seven; `b` has opened its lease. */
async function scene() {
  const started = await world.startWith('10');
  const { side, uid, book } = started;
  await ask(side, uid, { name: 'a', amount: '7' });
  const [a, b] = [holder('a'), holder('b')];
  const now = () => side.clock.nowMs();
  await book.handle(b.open(uid), b.context(now()));
  const send = {
    a: (more: Parameters<typeof a.report>[1]) => book.handle(a.report(uid, more), a.context(now())),
    b: (more: Parameters<typeof b.report>[1], gone?: AbortSignal) =>
      book.handle(b.report(uid, more), b.context(now()), gone),
  };
  return { ...started, ...send };
}

/** The last round that was announced, at least the given one in order. */
async function round(side: LedgerSide, which = 1): Promise<{ number: number; keys: readonly string[] }> {
  return eventually(async () => side.recalls[which - 1], { what: 'a recall', timeoutMs: 5000 });
}

test('a holder that waits is answered once another one has given back what it needs', async () => {
  const { side, a, b } = await scene();
  const waiting = b({ ask: '4', least: '4' });
  const { number, keys } = await round(side);
  expect(keys).toEqual(['pod:a']);
  await a({ seq: 2, returned: cu('2'), recall: number });
  const answer = await waiting;
  expect(answer).toMatchObject({
    kind: 'reported',
    seq: 1,
    row: { granted: cu('4') },
    ledger: { grantable: cu('1') },
  });
  expect(answer).not.toHaveProperty('round');
});

test('a holder that waits is refused once all have answered, by figures and a round, and the next one at once', async () => {
  const { side, a, b } = await scene();
  const waiting = b({ ask: '8', least: '8' });
  const { number } = await round(side);
  await a({ seq: 2, returned: cu('1'), recall: number });
  expect(await waiting).toMatchObject({
    row: { granted: 0n },
    ledger: { grantable: cu('4') },
    round: { number, asked: 1, silent: 0, returned: cu('1') },
  });
  expect(await b({ seq: 2, ask: '5', least: '5' })).toMatchObject({
    row: { granted: 0n },
    round: { number },
  });
  expect(side.recalls).toHaveLength(1);
  const told = { type: 'RequestNotCovered', name: expect.stringContaining('b') };
  expect(side.events).toEqual([
    expect.objectContaining({ ...told, amount: cu('8') }),
    expect.objectContaining({ ...told, amount: cu('5') }),
  ]);
  expect(await b({ seq: 3, ask: '4', least: '4' })).toMatchObject({ row: { granted: cu('4') } });
});

test('a holder that does not answer is not waited for, and counted', async () => {
  const { b } = await scene();
  expect(await b({ ask: '4', least: '4' })).toMatchObject({
    row: { granted: 0n },
    ledger: { grantable: cu('3') },
    round: { asked: 1, silent: 1, returned: 0n },
  });
});

test('nobody is asked for what all holders together do not have', async () => {
  const { side, b } = await scene();
  expect(await b({ ask: '11', least: '11' })).toMatchObject({ round: { asked: 0 } });
  expect(side.recalls).toEqual([]);
});

test('an ask for which no request waits is answered at once and asks nobody', async () => {
  const { side, b } = await scene();
  const answer = await b({ ask: '4' });
  expect(answer).toMatchObject({ row: { granted: 0n }, ledger: { grantable: cu('3') } });
  expect(answer).not.toHaveProperty('round');
  expect(side.recalls).toEqual([]);
});

test('what one waits for is not granted to another one', async () => {
  const { side, a, b } = await scene();
  const waiting = b({ ask: '4', least: '4' });
  const { number } = await round(side);
  expect(await a({ seq: 2, ask: '1' })).toMatchObject({
    row: { granted: cu('7') },
    ledger: { grantable: 0n },
  });
  await a({ seq: 3, returned: cu('1'), recall: number });
  expect(await waiting).toMatchObject({ row: { granted: cu('4') } });
});

test('who has left waits no longer, and keeps nothing from others', async () => {
  const { side, a, b } = await scene();
  const leaving = new AbortController();
  const waiting = b({ ask: '4', least: '4' }, leaving.signal);
  await round(side);
  leaving.abort(new Error('left'));
  await expect(waiting).rejects.toThrow('left');
  expect(await a({ seq: 2, ask: '3' })).toMatchObject({ row: { granted: cu('10') } });
});

test('a repeated message is answered at once by what its row has by then', async () => {
  const { side, a, b } = await scene();
  const waiting = b({ ask: '4', least: '4' });
  const { number } = await round(side);
  expect(await b({ ask: '4', least: '4' })).toMatchObject({ seq: 1, row: { granted: 0n } });
  await a({ seq: 2, returned: cu('1'), recall: number });
  await waiting;
  expect(await b({ ask: '4', least: '4' })).toMatchObject({ seq: 1, row: { granted: cu('4') } });
});

test('a cap that is lowered under what is out has holders asked, until it is back', async () => {
  const { side, a } = await scene();
  await side.ledgers.ensureLedger(need('1'), { signal });
  const { number, keys } = await round(side);
  expect(keys).toEqual(['pod:a']);
  await a({ seq: 2, spent: '2', recall: number });
  const again = await round(side, 2);
  expect(again.number).toBeGreaterThan(number);
  await a({ seq: 3, spent: '2', returned: cu('5'), recall: again.number });
  expect(side.recalls).toHaveLength(2);
});
