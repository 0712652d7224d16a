import type { NanoCu } from './amount.ts';
import type { Ledger, LedgerRow } from './ledger.ts';
import { isLedgerKey } from './ledger.ts';
import { namespaceOf } from './live-holders.ts';

/** What a holder that is a ledger was promised, by its name (`<namespace>/<budget>`) in `Ledger.shares`. */
export interface Share {
  /** Set aside for it alone until it was granted that much. */
  guaranteed: NanoCu;
  /** How much its namespace counts where shares are sized. */
  weight: number;
  /** The row that draws on it; empty until its ledger has one. */
  key: string;
}

/** Least and usual weight of a namespace. */
export const usualWeight = 1;

/**
 * What holders are promised from now on, by name; what is not in it is promised nothing any more. Guarantees that are
 * more than the cap together are covered in proportion: set aside in full they would keep capacity from everybody.
 */
export function setShares(ledger: Ledger, promised: ReadonlyMap<string, Omit<Share, 'key'>>): void {
  const drawing = drawingRows(ledger);
  const covered = coveredGuarantees(promised, ledger.cap);
  const shares = new Map(
    [...covered].map(([name, share]) => [name, { ...share, key: drawing.get(name)?.key ?? '' }] as const),
  );
  if (sameShares(ledger.shares, shares)) return;
  ledger.shares = shares;
  ledger.seq += 1;
}

/** Whether these guarantees are more than a cap together. */
export function isOverpromised(promised: Iterable<Pick<Share, 'guaranteed'>>, cap: NanoCu): boolean {
  return sumOf(promised) > cap;
}

/** A row was made, or got another key: if its holder was promised something, that is drawn on by it. */
export function bindShare(ledger: Ledger, { name, key }: LedgerRow): void {
  const share = ledger.shares.get(name);
  if (share === undefined || !isLedgerKey(key) || share.key === key) return;
  ledger.shares = new Map(ledger.shares).set(name, { ...share, key });
}

/** What this holder may not have because it is set aside for others. */
export function guaranteedToOthers(ledger: Ledger, key: string): NanoCu {
  let sum = 0n;
  for (const share of ledger.shares.values())
    if (share.key === '' || share.key !== key) sum += undrawn(ledger, share);
  return sum;
}

/**
 * The part of `left` that a holder may have beyond what it needs, among those whose leases run at that time: half of it,
 * by weight of the namespaces, and in a namespace alike.
 */
export function shareOf(
  ledger: Ledger,
  left: NanoCu,
  { name, nowMs }: { name: string; nowMs: number },
): NanoCu {
  const own = namespaceOf(name);
  const live = ledger.live.at(nowMs);
  const holders = live.get(own) ?? 1;
  const weights = weightsOf(ledger);
  const weightOf = (namespace: string): number => weights.get(namespace) ?? usualWeight;
  const all = [...live.set(own, holders).keys()].reduce((sum, namespace) => sum + weightOf(namespace), 0);
  return (left * BigInt(weightOf(own))) / (2n * BigInt(all) * BigInt(holders));
}

function undrawn({ rows }: Ledger, { guaranteed, key }: Share): NanoCu {
  const row = rows.get(key);
  const rest = guaranteed - (row ? row.granted - row.returned : 0n);
  return rest > 0n ? rest : 0n;
}

/** A namespace counts as much as the child of it that counts most: more children do not make it count more. */
function weightsOf({ shares }: Ledger): Map<string, number> {
  const weights = new Map<string, number>();
  for (const [name, { weight }] of shares) {
    const namespace = namespaceOf(name);
    weights.set(namespace, Math.max(weight, weights.get(namespace) ?? 0));
  }
  return weights;
}

function coveredGuarantees(
  promised: ReadonlyMap<string, Omit<Share, 'key'>>,
  cap: NanoCu,
): Map<string, Omit<Share, 'key'>> {
  const sum = sumOf(promised.values());
  if (sum <= cap) return new Map(promised);
  return new Map(
    [...promised].map(([name, { guaranteed, weight }]) => [
      name,
      { guaranteed: (guaranteed * cap) / sum, weight },
    ]),
  );
}

function sumOf(promised: Iterable<Pick<Share, 'guaranteed'>>): NanoCu {
  let sum = 0n;
  for (const { guaranteed } of promised) sum += guaranteed;
  return sum;
}

function sameShares(one: ReadonlyMap<string, Share>, other: ReadonlyMap<string, Share>): boolean {
  if (one.size !== other.size) return false;
  return [...one].every(([name, { guaranteed, weight, key }]) => {
    const share = other.get(name);
    return share?.guaranteed === guaranteed && share.weight === weight && share.key === key;
  });
}

/**
 * By name, the row that draws on what its holder is promised: of several (an object that was given up has left its row)
 * the one that does so far, or else that was heard last.
 */
function drawingRows({ rows, shares }: Ledger): Map<string, Readonly<LedgerRow>> {
  const drawing = new Map<string, Readonly<LedgerRow>>();
  for (const row of rows.values()) {
    if (!isLedgerKey(row.key)) continue;
    const other = drawing.get(row.name);
    if (other === undefined || other.expires <= row.expires) drawing.set(row.name, row);
  }
  for (const [name, { key }] of shares) {
    const bound = rows.get(key);
    if (bound?.name === name) drawing.set(name, bound);
  }
  return drawing;
}
