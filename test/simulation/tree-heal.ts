import { isLedgerKey, ledgerKey, unused } from '../../accounting/ledger.ts';
import type { Version } from './api-server.ts';
import { aboveOf, rowAbove } from './tree-check.ts';
import { hold } from './violation.ts';
import type { World } from './world.ts';

/** Whether all levels tell the same once all is told, and nothing is out that nobody uses. */
export function checkLevels(world: World): void {
  for (const name of world.api.names) {
    const version = world.api.latest(name);
    if (!version || world.wentBack.has(version.uid)) continue;
    const above = aboveOf(world, version);
    if (above && !world.wentBack.has(above.uid)) checkSame(above, version);
  }
}

function checkSame(above: Version, below: Version): void {
  const { settled, held } = below.ledger.totals;
  const { spent = 0n, unknown = 0n, lost = 0n } = rowAbove(above.ledger, below) ?? {};
  const same = spent === settled && unknown === held && lost === 0n;
  hold(
    'all levels agree',
    same,
    () => `${below.object.metadata.name}: ${settled} settled, ${held} held; above ${spent} and ${unknown}`,
  );
}

/** What ledgers that were deleted, or went back, had of this one and of those below it: nobody can say what became of it. */
export function leaseOfGone(world: World, { ledger }: Version): bigint {
  let sum = 0n;
  for (const row of ledger.rows.values()) {
    if (!isLedgerKey(row.key)) continue;
    const below = world.api.byUid(row.key.slice(ledgerKey('').length));
    const whole = below && !world.wentBack.has(below.uid);
    const gone = whole || (below && world.deleted.has(below.uid)) ? leaseOfGone(world, below) : unused(row);
    // One made in place of another may hold more than it has of this one.
    sum += gone < unused(row) ? gone : unused(row);
  }
  return sum;
}
