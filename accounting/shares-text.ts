import { formatAmount, parseAmount } from './amount.ts';
import type { Share } from './ledger-shares.ts';

const header = 'v1 name guaranteed weight key';

/** Promises to holders as text, one line each; empty where there are none. */
export function encodeShares(shares: ReadonlyMap<string, Share>): string {
  if (shares.size === 0) return '';
  const lines = [...shares].map(([name, { guaranteed, weight, key }]) =>
    [name, formatAmount(guaranteed), weight, key || '-'].join(' '),
  );
  return [header, ...lines].join('\n');
}

/** Reads a text of `encodeShares`. Throws RangeError where a line is none. */
export function decodeShares(text: string): Map<string, Share> {
  if (text === '') return new Map();
  const [found, ...lines] = text.split('\n');
  if (found !== header) throw new RangeError(`shares begin with an unknown header "${found?.slice(0, 40)}"`);
  return new Map(lines.map(decodeLine));
}

function decodeLine(line: string): [string, Share] {
  const [name, guaranteed, weight, key, ...more] = line.split(' ');
  const whole = /^[1-9]\d{0,3}$/.test(weight ?? '');
  if (!name || !guaranteed || !key || !whole || more.length > 0)
    throw new RangeError(`"${line.slice(0, 80)}" is no line of shares`);
  return [name, { guaranteed: parseAmount(guaranteed), weight: Number(weight), key: key === '-' ? '' : key }];
}
