import { dearer, type Decimal, formatDecimal, parseDecimal } from './decimal.ts';

/** One tier of AI Core's own rates: GenAI tokens per 1,000 tokens, as canonical decimal text. */
export interface LiveTier {
  /** Largest total input, cached tokens included, this tier is for; absent: no limit. */
  readonly upToInputTokens?: number;
  readonly input?: string;
  readonly output?: string;
}

type Kind = 'input' | 'output';

/** One rate as the models API gives it; `upTo` is Infinity without a bound and undefined when not understood. */
interface Entry {
  readonly kind: Kind;
  readonly rate: Decimal;
  readonly upTo: number | undefined;
}

/** More maps than any price list has; a longer one is not read. */
const maxEntries = 64;
/** As many tiers as a sidecar is told; beyond them the dearest rate of all holds. */
const maxTiers = 8;
const kindFields: ReadonlyMap<string, Kind> = new Map([
  ['inputCost', 'input'],
  ['outputCost', 'output'],
]);
const upperBoundForm =
  /^less than (?<orEqual>or equals? to )?(?<count>\d{1,9}) ?(?<unit>[km]?) tokens per request\.?$/i;
const lowerBoundForm = /^greater than (?:or equals? to )?\d{1,9} ?[km]? tokens per request\.?$/i;

/**
 * Reads the `cost` of a model version in AI Core's models API, in its plain form
 * (`[{"inputCost":"0.00312"},{"outputCost":"0.0092"}]`, numbers or text) and its tiered one, where each map also
 * has a `tierDescription` such as "Less than or equals to 200k tokens per request". Other members are ignored.
 *
 * Fails closed: a kind with a rate that cannot be read has no rate at all; with a description that is not
 * understood the dearest rate of each kind holds for every request.
 *
 * @returns tiers in ascending order, the last without a bound; empty when there is no rate
 */
export function parseLiveCost(cost: unknown): LiveTier[] {
  if (!Array.isArray(cost) || cost.length > maxEntries) return [];
  const read = cost.flatMap(entriesOf);
  const unreadable = new Set(read.filter((entry) => entry.rate === undefined).map((entry) => entry.kind));
  const entries = read.filter(
    (entry): entry is Entry => entry.rate !== undefined && !unreadable.has(entry.kind),
  );
  if (entries.length === 0) return [];
  const bounds = boundsOf(entries);
  if (bounds === undefined) return [tierOf(Number.POSITIVE_INFINITY, entries, dearestOf)];
  return bounds.map((bound) => tierOf(bound, entries, rateWithin));
}

function entriesOf(map: unknown): (Omit<Entry, 'rate'> & { rate: Decimal | undefined })[] {
  if (typeof map !== 'object' || map === null) return [];
  const upTo = upperBoundOf(map);
  return Object.entries(map).flatMap(([field, value]) => {
    const kind = kindFields.get(field);
    return kind === undefined ? [] : [{ kind, upTo, rate: rateOf(value) }];
  });
}

/** A map that names a tier in any way but one that is understood has a bound that is not known. */
function upperBoundOf(map: object): number | undefined {
  const description: unknown = 'tierDescription' in map ? map.tierDescription : undefined;
  if (typeof description === 'string') return describedBound(description.trim());
  const untiered = (description === undefined || description === null) && !('tier' in map);
  return untiered ? Number.POSITIVE_INFINITY : undefined;
}

function describedBound(description: string): number | undefined {
  if (lowerBoundForm.test(description)) return Number.POSITIVE_INFINITY;
  const { count, unit = '', orEqual } = upperBoundForm.exec(description)?.groups ?? {};
  if (count === undefined) return undefined;
  const tokens = Number(count) * unitOf(unit) - (orEqual === undefined ? 1 : 0);
  return tokens >= 1 ? tokens : undefined;
}

function unitOf(suffix: string): number {
  const units: Readonly<Record<string, number>> = { k: 1000, m: 1_000_000 };
  return units[suffix.toLowerCase()] ?? 1;
}

function rateOf(value: unknown): Decimal | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  try {
    return parseDecimal(String(value).trim());
  } catch {
    // Whatever is wrong with the text: without a rate the model is refused, which is what its caller reports.
    return undefined;
  }
}

/** All bounds in ascending order, Infinity last; undefined when one is not known or there are too many. */
function boundsOf(entries: readonly Entry[]): number[] | undefined {
  const bounds = new Set([Number.POSITIVE_INFINITY]);
  for (const { upTo } of entries) {
    if (upTo === undefined) return undefined;
    bounds.add(upTo);
  }
  return bounds.size > maxTiers ? undefined : [...bounds].toSorted((a, b) => a - b);
}

type Choose = (entries: readonly Entry[], bound: number) => Decimal | undefined;

function tierOf(bound: number, entries: readonly Entry[], choose: Choose): LiveTier {
  const input = choose(
    entries.filter(({ kind }) => kind === 'input'),
    bound,
  );
  const output = choose(
    entries.filter(({ kind }) => kind === 'output'),
    bound,
  );
  return {
    ...(bound === Number.POSITIVE_INFINITY ? {} : { upToInputTokens: bound }),
    ...(input === undefined ? {} : { input: formatDecimal(input) }),
    ...(output === undefined ? {} : { output: formatDecimal(output) }),
  };
}

/** The rate of the narrowest tier that covers the bound, the dearest when none does. */
const rateWithin: Choose = (entries, bound) => {
  const covering = entries.filter(({ upTo }) => upTo !== undefined && upTo >= bound);
  const narrowest = Math.min(...covering.map(({ upTo }) => upTo ?? Number.POSITIVE_INFINITY));
  const chosen = covering.filter(({ upTo }) => upTo === narrowest);
  return dearestOf(chosen.length === 0 ? entries : chosen, bound);
};

const dearestOf: Choose = (entries) =>
  entries.reduce<Decimal | undefined>(
    (dearest, { rate }) => (dearest === undefined ? rate : dearer(dearest, rate)),
    undefined,
  );
