/**
 * Exact decimals for comparing books. On purpose not the product's own arithmetic: two books that agree because
 * both were added up by the same code prove nothing.
 */
const digits = 30;
const one = 10n ** BigInt(digits);
/** One nano-CU in these units. */
export const nano = one / 1_000_000_000n;

/** Reads decimal text such as `-12.0345`; at most 30 decimals. Throws on anything else. */
export function exact(text: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,30}))?$/.exec(text);
  if (!match) throw new Error(`"${text}" is not a decimal number of at most ${digits} decimals`);
  const [, sign, whole = '0', fraction = ''] = match;
  const value = BigInt(whole) * one + BigInt(fraction.padEnd(digits, '0'));
  return sign === '-' ? -value : value;
}

/** Decimal text with all the decimals that are there. */
export function decimalText(value: bigint): string {
  const size = value < 0n ? -value : value;
  const fraction = (size % one).toString().padStart(digits, '0').replace(/0+$/, '');
  const sign = value < 0n ? '-' : '';
  return `${sign}${size / one}${fraction ? `.${fraction}` : ''}`;
}

export function sum(values: Iterable<bigint>): bigint {
  let total = 0n;
  for (const value of values) total += value;
  return total;
}
