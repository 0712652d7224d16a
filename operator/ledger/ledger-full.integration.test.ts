import { expect, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import { newLedger } from '../../accounting/ledger.ts';
import { handleLeaseRequest } from '../../accounting/ledger-transitions.ts';
import { encodeLedger } from '../../accounting/ledger-text.ts';
import { maxRowsLength } from '../../crds/ledger.ts';
import { holder, need, rule } from './test-ledgers.ts';
import { LedgerWorld, ask, bookOf } from './test-world.ts';

const { signal } = new AbortController();
const world = LedgerWorld.forFile();

/** A ledger with as many holders as fit: less than a row of a long name is left. */
function almostFull() {
  const { budget, period, cap } = need('1000000');
  const ledger = newLedger({ budget, period, cap });
  const left = () => maxRowsLength - encodeLedger(ledger).rows.length;
  for (let index = 0; left() > 400; index += 1) {
    // Counting the room takes longer than filling it.
    const lines = Math.max(1, Math.floor(left() / 400));
    for (let line = 0; line < lines; line += 1) addHolder(ledger, `${index}-${line}`);
  }
  return ledger;
}

function addHolder(ledger: ReturnType<typeof newLedger>, name: string): void {
  const pod = holder(name);
  handleLeaseRequest(ledger, pod.open('uid'), pod.context(need('1').period.startMs + 1000));
}

test('a ledger without room takes no new holder, and all others go on', async () => {
  const side = await world.start();
  const ledger = almostFull();
  await side.store.create(ledger, { createdFor: 'budget-uid', ...rule });
  const { uid, holders } = await side.ledgers.ensureLedger(need('1000000'), { signal });
  expect(holders).toBeGreaterThan(3000);
  const old = holder('0-0');
  const book = await bookOf(side, uid);
  const newcomers = Array.from({ length: 6 }, (_, index) =>
    ask(side, uid, { name: `${index}`.padEnd(200, '-'), amount: '1' }),
  );
  const report = old.report(uid, { seq: 1, ask: '2' });
  const [known, ...outcomes] = await Promise.allSettled([
    book.handle(report, old.context(side.clock.nowMs())),
    ...newcomers,
  ]);
  expect(known).toMatchObject({
    status: 'fulfilled',
    value: { kind: 'reported', row: { granted: parseAmount('2') } },
  });
  const full = { status: 'rejected', reason: expect.objectContaining({ reason: 'full' }) };
  expect(outcomes).toEqual(newcomers.map(() => full));
});
