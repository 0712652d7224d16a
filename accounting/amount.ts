/** An amount of capacity units (CU) as an integer of nano-CU (10⁻⁹ CU): exact, so sums never drift. */
export type NanoCu = bigint;

/** How many nano-CU are one CU. */
export const nanoPerCu = 1_000_000_000n;

/** Largest amount on the wire and in a ledger, in nano-CU: a thousand times what a manifest may say. */
export const maxAmount: NanoCu = 1_000_000_000_000n * nanoPerCu;

/** Largest quantity a manifest may say, in nano-CU (10⁹ CU). */
export const maxQuantity: NanoCu = 1_000_000_000n * nanoPerCu;

/** Why a text is not an amount. */
export type AmountErrorReason = 'malformed' | 'negative' | 'too_fine' | 'too_large';

/** A text or number that cannot be taken as an amount of CU; the message names what would be. */
export class AmountError extends Error {
  override readonly name = 'AmountError';
  readonly reason: AmountErrorReason;

  constructor(reason: AmountErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

const maxTextLength = 64;
const amountDecimals = 9;
const plainDecimal = /^(0|[1-9]\d{0,12})(?:\.(\d{1,9}))?$/;
const quantityForm =
  /^(?<sign>[+-]?)(?<whole>\d*)(?:\.(?<fraction>\d*))?(?<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,3})?$/;

const decimalExponents: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const binaryShifts: Readonly<Record<string, bigint>> = {
  Ki: 10n,
  Mi: 20n,
  Gi: 30n,
  Ti: 40n,
  Pi: 50n,
  Ei: 60n,
};

/**
 * Reads an amount of the wire or of a ledger: plain decimal CU such as `412.003918274`, at least 0, at most
 * nine decimals and 10¹² CU.
 *
 * @returns nano-CU
 * @throws AmountError `malformed` or `too_large`
 */
export function parseAmount(text: string): NanoCu {
  const match = plainDecimal.exec(text);
  if (match === null) {
    throw new AmountError(
      'malformed',
      `${quote(text)} is not an amount: write decimal CU with at most nine decimals, such as 12.5`,
    );
  }
  const nano = BigInt(match[1] ?? '0') * nanoPerCu + BigInt((match[2] ?? '').padEnd(amountDecimals, '0'));
  if (nano > maxAmount) {
    throw new AmountError('too_large', `${quote(text)} is more than the largest amount, 10^12 CU`);
  }
  return nano;
}

/** Writes nano-CU as canonical decimal CU: no trailing zeros, no exponent, `-` in front when negative. */
export function formatAmount(nano: NanoCu): string {
  const magnitude = nano < 0n ? -nano : nano;
  const whole = `${nano < 0n ? '-' : ''}${magnitude / nanoPerCu}`;
  const fraction = magnitude % nanoPerCu;
  if (fraction === 0n) return whole;
  return `${whole}.${fraction.toString().padStart(amountDecimals, '0').replace(/0+$/, '')}`;
}

/**
 * Writes nano-CU for people, with exactly `decimals` (0 to 9) decimals, halves rounded away from zero.
 * Never parse the result or compute with it.
 *
 * @throws RangeError when `decimals` is not an integer from 0 to 9
 */
export function formatRounded(nano: NanoCu, decimals: number): string {
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > amountDecimals) {
    throw new RangeError(`decimals must be an integer from 0 to ${amountDecimals}, not ${decimals}`);
  }
  const step = 10n ** BigInt(amountDecimals - decimals);
  const rounded = ((nano < 0n ? -nano : nano) + step / 2n) / step;
  const sign = nano < 0n && rounded > 0n ? '-' : '';
  const digits = rounded.toString().padStart(decimals + 1, '0');
  if (decimals === 0) return `${sign}${digits}`;
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/**
 * Reads a Kubernetes quantity of CU: a whole number, or a text with an optional suffix (`n u m k M G T P E`,
 * `Ki` to `Ei`) or exponent (`e3`, `E-3`). From 0 to 10⁹ CU. Exact: Kubernetes would round up what is finer
 * than 10⁻⁹, here it is refused.
 *
 * @returns nano-CU
 * @throws AmountError
 */
export function parseQuantity(value: string | number): NanoCu {
  const text = typeof value === 'number' ? textOfNumber(value) : value;
  const { negative, digits, decimals, suffix } = splitQuantity(text);
  if (negative) throw new AmountError('negative', `${quote(text)} is negative: CU start at 0`);
  const nano = scaleToNano(BigInt(digits) << (binaryShifts[suffix] ?? 0n), exponentOf(suffix) - decimals);
  if (nano === undefined) {
    throw new AmountError('too_fine', `${quote(text)} is finer than 10^-9 CU: use at most nine decimals`);
  }
  if (nano > maxQuantity) throw new AmountError('too_large', `${quote(text)} is more than 10^9 CU`);
  return nano;
}

function splitQuantity(text: string): {
  negative: boolean;
  digits: string;
  decimals: number;
  suffix: string;
} {
  const groups = text.length > maxTextLength ? undefined : quantityForm.exec(text)?.groups;
  const { sign = '', whole = '', fraction = '', suffix = '' } = groups ?? {};
  const digits = whole + fraction;
  if (digits === '') {
    throw new AmountError(
      'malformed',
      `${quote(text)} is not a Kubernetes quantity: write CU such as 2500, 12.5 or 2k`,
    );
  }
  return { negative: sign === '-', digits, decimals: fraction.length, suffix };
}

/** A number from YAML or JSON is exact only when whole: 0.1 is already not one tenth. */
function textOfNumber(value: number): string {
  if (Number.isSafeInteger(value)) return String(value);
  throw new AmountError(
    'malformed',
    `${value} is not a whole number: write fractions of CU as text, such as "12.5"`,
  );
}

/** The power of ten a suffix stands for; binary suffixes are applied as a shift instead. */
function exponentOf(suffix: string): number {
  if (suffix === '' || suffix.endsWith('i')) return 0;
  return decimalExponents[suffix] ?? Number(suffix.slice(1));
}

/** coefficient × 10^exponent CU in nano-CU; undefined when that is not a whole number of them. */
function scaleToNano(coefficient: bigint, exponent: number): NanoCu | undefined {
  const nanoExponent = exponent + amountDecimals;
  if (nanoExponent >= 0) return coefficient * 10n ** BigInt(nanoExponent);
  const divisor = 10n ** BigInt(-nanoExponent);
  return coefficient % divisor === 0n ? coefficient / divisor : undefined;
}

function quote(text: string): string {
  return JSON.stringify(text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text);
}
