import { type NanoCu, nanoPerCu } from './amount.ts';

/** An exact decimal that is not negative: coefficient × 10^−scale. */
export interface Decimal {
  readonly coefficient: bigint;
  readonly scale: number;
}

/** Why a text is not a decimal. */
export type DecimalErrorReason = 'malformed' | 'too_long';

/** A text that cannot be taken as a rate or factor. */
export class DecimalError extends Error {
  override readonly name = 'DecimalError';
  readonly reason: DecimalErrorReason;

  constructor(reason: DecimalErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

const zero: Decimal = { coefficient: 0n, scale: 0 };

/** Most digits of a rate or factor before and after the point; products and sums may have more. */
const maxIntegerDigits = 12;
const maxFractionDigits = 18;
const maxTextLength = 48;
const decimalForm = /^(?<whole>\d{1,40})(?:\.(?<fraction>\d{1,40}))?(?:[eE](?<exponent>[+-]?\d{1,2}))?$/;

/**
 * Reads a rate or factor: decimal text at least 0, with at most 12 digits before the point and 18 after it.
 * An exponent is read too, because that is how a small JSON number prints (`1e-7`).
 *
 * @throws DecimalError
 */
export function parseDecimal(text: string): Decimal {
  const groups = text.length > maxTextLength ? undefined : decimalForm.exec(text)?.groups;
  if (groups === undefined) {
    throw new DecimalError(
      'malformed',
      `${JSON.stringify(text.slice(0, maxTextLength))} is not a decimal: write digits such as 0.00112`,
    );
  }
  const { whole = '', fraction = '', exponent = '0' } = groups;
  const decimal = normalize(BigInt(whole + fraction), fraction.length - Number(exponent));
  const tooLong = decimal.scale > maxFractionDigits || decimal.coefficient >= upperBound(decimal.scale);
  if (tooLong) {
    throw new DecimalError(
      'too_long',
      `${JSON.stringify(text)} has more than ${maxIntegerDigits} digits before or ${maxFractionDigits} after the point`,
    );
  }
  return decimal;
}

/** The factor that was parsed last: one is parsed for every price, and it hardly ever changes. */
let lastFactor = { text: '0', decimal: zero };

/** Reads a factor; throws as `parseDecimal` does. */
export function parseFactor(text: string): Decimal {
  if (text !== lastFactor.text) lastFactor = { text, decimal: parseDecimal(text) };
  return lastFactor.decimal;
}

/** Writes a decimal canonically: no exponent, no trailing zeros. */
export function formatDecimal(decimal: Decimal): string {
  const { coefficient, scale } = normalize(decimal.coefficient, decimal.scale);
  if (scale === 0) return coefficient.toString();
  const digits = coefficient.toString().padStart(scale + 1, '0');
  return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** The exact product. */
export function multiply(a: Decimal, b: Decimal): Decimal {
  return { coefficient: a.coefficient * b.coefficient, scale: a.scale + b.scale };
}

/** The exact sum. */
export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { coefficient: coefficientAt(a, scale) + coefficientAt(b, scale), scale };
}

/** Less than 0 when a < b, 0 when equal in value, more than 0 when a > b. */
export function compare(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const left = coefficientAt(a, scale);
  const right = coefficientAt(b, scale);
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** The larger of two, the first when they are equal. */
export function dearer(a: Decimal, b: Decimal): Decimal {
  return compare(a, b) >= 0 ? a : b;
}

/**
 * The exact product with a count, for example of tokens.
 *
 * @throws RangeError when `count` is not a safe integer or is negative
 */
export function scaleBy(decimal: Decimal, count: number): Decimal {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new RangeError(`a count must be an integer from 0 to 2^53 - 1, not ${count}`);
  }
  return { coefficient: decimal.coefficient * BigInt(count), scale: decimal.scale };
}

/** Divides by a power of ten, exactly: `shiftDown(x, 3)` is x / 1000. */
export function shiftDown(decimal: Decimal, digits: number): Decimal {
  return { coefficient: decimal.coefficient, scale: decimal.scale + digits };
}

/** Rounds CU up to whole nano-CU: what is booked is never less than the exact price. */
export function ceilToNano(cu: Decimal): NanoCu {
  const divisor = 10n ** BigInt(cu.scale);
  return (cu.coefficient * nanoPerCu + divisor - 1n) / divisor;
}

/** An amount as the exact decimal of CU. */
export function decimalOfAmount(nano: NanoCu): Decimal {
  return { coefficient: nano, scale: 9 };
}

/** The largest whole number q with q × divisor ≤ dividend; undefined when the divisor is 0. */
export function floorDivide(dividend: Decimal, divisor: Decimal): bigint | undefined {
  if (divisor.coefficient === 0n) return undefined;
  const scale = Math.max(dividend.scale, divisor.scale);
  return coefficientAt(dividend, scale) / coefficientAt(divisor, scale);
}

function coefficientAt(decimal: Decimal, scale: number): bigint {
  return decimal.coefficient * 10n ** BigInt(scale - decimal.scale);
}

function upperBound(scale: number): bigint {
  return 10n ** BigInt(maxIntegerDigits + scale);
}

/** The same value with the smallest scale that is not negative. */
function normalize(coefficient: bigint, scale: number): Decimal {
  if (scale < 0) return { coefficient: coefficient * 10n ** BigInt(-scale), scale: 0 };
  if (coefficient === 0n) return zero;
  let reduced = coefficient;
  let left = scale;
  while (left > 0 && reduced % 10n === 0n) {
    reduced /= 10n;
    left -= 1;
  }
  return { coefficient: reduced, scale: left };
}
