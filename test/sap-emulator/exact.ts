import { EmulatorError } from './errors.ts';

/** A decimal number without error: `units` × 10^−`places`. Sums and products of these are exact. */
export interface Exact {
  readonly units: bigint;
  readonly places: number;
}

/** Nothing, as a number. */
export const zero: Exact = { units: 0n, places: 0 };

const pattern = /^(\d{1,24})(?:\.(\d{1,18}))?$/;

/** Reads unsigned decimal text ("0.00112"); throws `number_invalid` for anything else. */
export function parseExact(text: string): Exact {
  const match = pattern.exec(text);
  if (match === null) {
    throw new EmulatorError('number_invalid', `"${text.slice(0, 64)}" is no unsigned decimal number`);
  }
  const [, integer = '0', fraction = ''] = match;
  return { units: BigInt(integer + fraction), places: fraction.length };
}

/** The sum, without error. */
export function add(left: Exact, right: Exact): Exact {
  const places = Math.max(left.places, right.places);
  return { units: widen(left, places) + widen(right, places), places };
}

/** The product, without error. */
export function multiply(left: Exact, right: Exact): Exact {
  return { units: left.units * right.units, places: left.places + right.places };
}

/** The other factor of a product that was made with `divisor`; throws `number_invalid` where there is none. */
export function divide(product: Exact, divisor: Exact): Exact {
  if (divisor.units === 0n || product.places < divisor.places || product.units % divisor.units !== 0n) {
    throw new EmulatorError('number_invalid', `${formatExact(product)} was not made with this factor`);
  }
  return { units: product.units / divisor.units, places: product.places - divisor.places };
}

/** A whole number, negative ones refused, as an exact one. */
export function whole(count: number): Exact {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new EmulatorError('number_invalid', `${count} is no count`);
  }
  return { units: BigInt(count), places: 0 };
}

/** A thousandth, without error: rates are per 1,000 tokens. */
export function thousandth(value: Exact): Exact {
  return { units: value.units, places: value.places + 3 };
}

/** Shortest decimal text: "0.0109330544", "12", "0". */
export function formatExact(value: Exact): string {
  const digits = value.units.toString().padStart(value.places + 1, '0');
  const point = digits.length - value.places;
  const fraction = digits.slice(point).replace(/0+$/, '');
  return fraction === '' ? digits.slice(0, point) : `${digits.slice(0, point)}.${fraction}`;
}

function widen(value: Exact, places: number): bigint {
  return value.units * 10n ** BigInt(places - value.places);
}
