import type { NanoCu } from '../../accounting/amount.ts';
import type { Ledger, LedgerRow } from '../../accounting/ledger.ts';
import { available, isLedgerKey, ledgerKey } from '../../accounting/ledger.ts';
import { budgetKey } from '../../operator/configuration/budget-ref.ts';
import type { StoredChange, Version } from './api-server.ts';
import type { Growth } from './invariants.ts';
import { hold } from './violation.ts';
import type { World } from './world.ts';

/** Looks at a ledger that has just been stored, together with the one above it and those below it. */
export function checkTree(world: World, { before, after }: StoredChange, growth: Growth): void {
  const { uid, ledger } = after;
  if (growth.revoked > 0n) world.revoked.set(uid, (world.revoked.get(uid) ?? 0n) + growth.revoked);
  const above = aboveOf(world, after);
  if (above) checkLink(world, above, after);
  for (const row of ledger.rows.values()) {
    const below = isLedgerKey(row.key) ? world.api.byUid(row.key.slice(ledgerKey('').length)) : undefined;
    if (below) checkLink(world, after, below);
  }
  if (before && !world.wentBack.has(uid)) checkGuarantees(before.ledger, ledger, growth);
}

/** The ledger that this one is a holder in. */
export function aboveOf(world: World, { ledger }: Version): Version | undefined {
  return ledger.parent && world.api.byUid(ledger.parent.ledgerUid);
}

/** The row of a ledger in the one above it. */
export function rowAbove(above: Ledger, { uid, ledger }: Version): LedgerRow | undefined {
  const name = budgetKey(ledger.budget);
  const rows = [...above.rows.values()];
  return above.rows.get(ledgerKey(uid)) ?? rows.find((row) => isLedgerKey(row.key) && row.name === name);
}

/** What holders of a ledger have spent within their grants, or may still spend. */
function chargeOf({ rows }: Ledger): NanoCu {
  let sum = 0n;
  for (const { granted, returned, released } of rows.values()) sum += granted - returned - released;
  return sum;
}

/**
 * What a ledger may grant of the lease that it has from above; below zero where more was spent than granted. A release that
 * was taken back after it had been returned is an overrun above, and no part of that lease any more.
 */
export function idleAbove({ ledger }: Version): NanoCu {
  const { parent, totals } = ledger;
  if (!parent) return 0n;
  const revoked = parent.overrun - totals.overrun;
  return parent.granted - parent.returned - chargeOf(ledger) + (revoked > 0n ? revoked : 0n);
}

/** What a budget's ledger was promised and has not had, if it gave that much back. */
export function undrawnOf(ledger: Ledger, name: string, back: NanoCu = 0n): NanoCu {
  const { guaranteed, key } = ledger.shares.get(name) ?? { guaranteed: 0n, key: '' };
  const { granted, returned } = ledger.rows.get(key) ?? { granted: 0n, returned: 0n };
  const rest = guaranteed - granted + returned + back;
  return rest > 0n ? rest : 0n;
}

/** The two are never written together: at each moment the one above is charged with at least what the one below uses. */
function checkLink(world: World, above: Version, below: Version): void {
  const { parent } = below.ledger;
  if (!parent || world.wentBack.has(above.uid)) return;
  if (world.deleted.has(below.uid)) return checkRemade(world, above, below);
  if (world.wentBack.has(below.uid)) return;
  const row = rowAbove(above.ledger, below);
  const name = budgetKey(below.ledger.budget);
  const { granted = 0n, returned = 0n, spent = 0n } = row ?? {};
  const told = (what: string, here: NanoCu, there: NanoCu) => () =>
    `${name}: ${here} ${what} below, ${there} above`;
  const rule = 'what is below is charged above';
  hold(rule, parent.granted <= granted, told('granted', parent.granted, granted));
  hold(rule, parent.returned >= returned, told('returned', parent.returned, returned));
  hold(rule, below.ledger.totals.settled >= spent, told('settled', below.ledger.totals.settled, spent));
  // A release that was taken back may have been lent out again before.
  const lease = parent.granted - parent.returned + (world.revoked.get(below.uid) ?? 0n);
  const charge = chargeOf(below.ledger);
  hold(rule, charge <= lease, told('charged', charge, lease));
}

/** A ledger in place of one that was deleted has nothing of what that one had: its pods may spend that still. */
function checkRemade(world: World, above: Version, below: Version): void {
  const { granted, returned } = below.ledger.parent ?? { granted: 0n, returned: 0n };
  const name = budgetKey(below.ledger.budget);
  const rows = [...above.ledger.rows.values()].filter((row) => isLedgerKey(row.key) && row.name === name);
  const charged = rows.reduce((sum, row) => sum + row.granted - row.returned, 0n);
  const lost = world.lostLeases.get(below.object.metadata.name) ?? 0n;
  const lease = granted - returned;
  hold(
    'what is below is charged above',
    lease + lost <= charged,
    () => `${name} has ${lease}, the one that was deleted had ${lost}, ${charged} charged above`,
  );
}

/** Whoever was granted something: what others are promised is still there. */
function checkGuarantees(before: Ledger, after: Ledger, { granted, overrun, revoked }: Growth): void {
  if (granted <= 0n || after.shares.size === 0 || promises(before) !== promises(after)) return;
  const lowered = before.cap > after.cap ? before.cap - after.cap : 0n;
  const left = available(after) + overrun + revoked + lowered;
  for (const row of after.rows.values()) {
    if (row.granted <= (before.rows.get(row.key)?.granted ?? 0n)) continue;
    const promised = promisedToOthers(after, isLedgerKey(row.key) ? row.name : '');
    hold(
      'guarantees are kept',
      left >= promised,
      () => `${left} left after a grant to ${row.name}, ${promised} promised to others`,
    );
  }
}

/** What is promised to others than the budget of that name. */
export function promisedToOthers(ledger: Ledger, name: string): NanoCu {
  let sum = 0n;
  for (const other of ledger.shares.keys()) if (other !== name) sum += undrawnOf(ledger, other);
  return sum;
}

function promises({ shares }: Ledger): string {
  return [...shares].map(([name, { guaranteed, key }]) => `${name} ${guaranteed} ${key}`).join();
}
