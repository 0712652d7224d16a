import { Agent } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseAmount } from '../../accounting/amount.ts';
import { settleHeld } from '../../accounting/ledger-close.ts';
import { changeRow, emptyRow, ledgerKey, meter, newLedger } from '../../accounting/ledger.ts';
import { startEmulator } from '../../test/sap-emulator/emulator.ts';
import type { EmulatorOptions } from '../../test/sap-emulator/emulator.ts';
import { ask, connect } from '../../test/sap-emulator/test-client.ts';
import { systemClock } from '../kube/clock.ts';
import type { StoredLedger } from '../ledger/ledger-store.ts';
import { TokenBroker } from '../sap/token-broker.ts';
import { closePeriod } from './close-period.ts';
import type { ClosingLedgers, PeriodClose } from './close-period.ts';
import type { LedgerTree } from './ledgers-below.ts';
import { UsageApi } from './usage-api.ts';
import { parseApiKey } from './usage-keys.ts';

const dayMs = 86_400_000;
const period = { name: '2026-11', startMs: Date.UTC(2026, 10, 1), endMs: Date.UTC(2026, 11, 1) };
const day = '2026-11-05';
const cu = parseAmount;

/** One call of 100 and 50 tokens was served on one day, by nobody who metered it. */
async function launch(config: EmulatorOptions['config'] = {}) {
  const now = () => Date.parse(`${day}T12:00:00Z`);
  const emulator = await startEmulator({ config, now });
  const dispatcher = new Agent();
  onTestFinished(async () => {
    await dispatcher.close();
    await emulator.close();
  });
  await (await (await connect(emulator)).chat(ask(`[[in=100]] [[out=50]] ${'word '.repeat(99)}`))).text();
  emulator.closeDay(day);
  const key = parseApiKey('usage', { key: JSON.stringify(emulator.usageKey()) }, { allowedHosts: [] });
  const api = new UsageApi({ key, broker: new TokenBroker({ dispatcher, clock: systemClock }), dispatcher });
  return { emulator, api, subaccountId: emulator.serviceKey().identityzoneid };
}
type World = Awaited<ReturnType<typeof launch>>;

/** A ledger whose one holder was lost on the third day. */
function stored(uid: string, held: string): StoredLedger {
  const ledger = newLedger({ budget: { namespace: 'team-a', name: uid }, period, cap: cu('100') });
  const expires = period.startMs / 1000 + 3 * 86_400;
  const empty = emptyRow({ key: `pod:${uid}`, name: 'team-a/lost', state: 'expired' });
  if (held !== '0')
    changeRow(ledger, empty, (row) =>
      Object.assign(row, { granted: cu(held), expires, tokenExpires: expires }),
    );
  const origin = { createdFor: 'uid', timeZone: 'Etc/UTC', startDay: 1 };
  return { name: uid, uid, metadata: { name: uid }, ...origin, pages: [], rowsLength: 0, ledger };
}

/** Settles as the operator's ledgers do, and fails for the one that is named. */
function ledgersOf(all: readonly StoredLedger[], failing?: string): ClosingLedgers {
  return {
    find: (uid) => {
      const found = all.find((each) => each.uid === uid);
      if (found === undefined || uid === failing) return Promise.reject(new Error(`${uid} is away`));
      return Promise.resolve({
        settleHeld: (month) => Promise.resolve(settleHeld(found.ledger, month)),
        tellParent: () => Promise.resolve(),
      });
    },
  };
}

function close(
  { api, subaccountId }: World,
  {
    tree,
    afterDays,
    through,
    failing,
  }: { tree: LedgerTree; afterDays: number; through?: string; failing?: string },
): Promise<PeriodClose> {
  const all = [tree, ...tree.below].map((each) => each.stored);
  return closePeriod(ledgersOf(all, failing), {
    tree,
    api,
    subaccountId,
    through,
    nowMs: period.endMs + afterDays * dayMs,
    signal: AbortSignal.timeout(30_000),
  });
}

/** What was settled and released, in nano-CU. */
function figuresOf({ closings }: PeriodClose): Record<string, unknown> {
  return Object.fromEntries(
    [...closings].map(([uid, { evidence, settled }]) => [uid, `${evidence} ${settled ?? '-'}`]),
  );
}

describe('a period', () => {
  test('is not closed before SAP had its time', async () => {
    const world = await launch();
    const tree = { stored: stored('root', '5'), below: [] };
    expect(await close(world, { tree, afterDays: 2.9, through: '2026-11-30' })).toMatchObject({
      closed: false,
    });
    expect(await close(world, { tree, afterDays: 6.9, through: '2026-11-29' })).toMatchObject({
      closed: false,
    });
    expect(tree.stored.ledger.totals.held).toBe(cu('5'));
  });

  test('is closed three days after its end where nothing is held, whether it is billed or not', async () => {
    const tree = { stored: stored('root', '0'), below: [] };
    const found = await close(await launch(), { tree, afterDays: 3, through: '2026-11-30' });
    expect(found).toEqual({ closed: true, closings: new Map() });
  });

  test('with something held waits for SAP’s bill, but not for ever', async () => {
    const world = await launch();
    const tree = { stored: stored('root', '5'), below: [] };
    const waiting = await close(world, { tree, afterDays: 44.9, through: day });
    expect(waiting.closed).toBe(false);
    expect(figuresOf(waiting)).toEqual({ root: 'Pending -' });
    const given = await close(world, { tree, afterDays: 45, through: day });
    expect(given.closed).toBe(true);
    expect(figuresOf(given)).toEqual({ root: 'None 5' });
    expect(given.closings.get('root')?.message).toContain('SAP has not billed 2026-11 yet');
  });

  test('waits for nothing where the key may not read costs', async () => {
    const world = await launch();
    world.emulator.addFault({ fault: 'http-403', match: { route: 'usage-cost' } });
    const tree = { stored: stored('root', '5'), below: [] };
    expect(figuresOf(await close(world, { tree, afterDays: 7, through: day }))).toEqual({ root: 'None 5' });
  });

  test('of which SAP has not a day is closed after a week', async () => {
    const tree = { stored: stored('root', '5'), below: [] };
    expect(figuresOf(await close(await launch(), { tree, afterDays: 7 }))).toEqual({ root: 'None 5' });
  });

  test('that is billed has one gap: what a ledger below used up is not there for the root', async () => {
    const world = await launch();
    world.emulator.closeMonth('2026-11');
    const below = { stored: stored('below', '0.000001'), below: [] };
    const tree = { stored: stored('root', '5'), below: [below] };
    const found = await close(world, { tree, afterDays: 7, through: day });
    const gap = cu(found.closings.get('root')?.gap ?? '0');
    expect(gap).toBeGreaterThan(cu('0.000001'));
    expect(below.stored.ledger.totals.settled).toBe(cu('0.000001'));
    expect(tree.stored.ledger.totals).toMatchObject({ settled: gap - cu('0.000001'), held: 0n });
  });

  test('whose close was broken off is closed by the next one, with the whole gap for what is left', async () => {
    const world = await launch();
    world.emulator.closeMonth('2026-11');
    const below = { stored: stored('below', '1'), below: [] };
    const tree = { stored: stored('root', '5'), below: [below] };
    const closing = { tree, afterDays: 7, through: day };
    await expect(close(world, { ...closing, failing: 'root' })).rejects.toThrow('root is away');
    const used = below.stored.ledger.totals.settled;
    expect(used).toBeGreaterThan(0n);
    await close(world, closing);
    expect(below.stored.ledger.totals.settled).toBe(used);
    expect(tree.stored.ledger.totals.settled).toBe(used);
  });

  test('settles as spent what a ledger had that was deleted, and not what one has that is there', async () => {
    const below = { stored: stored('below', '0'), below: [] };
    const tree = { stored: stored('root', '0'), below: [below] };
    for (const uid of ['below', 'deleted']) {
      const empty = emptyRow({ key: ledgerKey(uid), name: `team-a/${uid}`, state: 'open' });
      changeRow(tree.stored.ledger, empty, (row) =>
        Object.assign(row, { granted: cu('3'), unknown: cu('1') }),
      );
    }
    const found = await close(await launch(), { tree, afterDays: 45, through: day });
    expect(figuresOf(found)).toEqual({ below: 'None 0', root: 'None 3' });
    expect(tree.stored.ledger.totals).toMatchObject({
      settled: cu('3'),
      outstanding: cu('2'),
      held: cu('1'),
    });
  });

  test('metered below its root explains what SAP billed', async () => {
    const world = await launch();
    world.emulator.closeMonth('2026-11');
    const below = { stored: stored('below', '1'), below: [] };
    const names = { model: 'gpt-4o-mini', version: '2024-07-18' };
    meter(below.stored.ledger, [{ day, ...names, input: 100, cacheRead: 0, output: 50, spent: cu('1') }]);
    const tree = { stored: stored('root', '5'), below: [below] };
    const found = await close(world, { tree, afterDays: 7, through: day });
    expect(figuresOf(found)).toEqual({ below: 'FinalUsage 0', root: 'FinalUsage 0' });
  });
});
