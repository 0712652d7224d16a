import { compare, formatDecimal, parseDecimal } from './decimal.ts';
import { globSpecificity, matchesGlob } from './glob.ts';
import type { LiveTier } from './live-cost.ts';
import type { RateTier } from './configuration-messages.ts';

/** CU per GenAI token from a day on (`YYYY-MM-DD`, 00:00 UTC), as decimal text. */
export interface FactorEntry {
  readonly from: string;
  readonly factor: string;
}

/** Rates of models from a day on; `*` in both patterns stands for any characters. */
export interface ModelRateEntry {
  readonly model: string;
  readonly versions: string;
  /** First day on which it applies, `YYYY-MM-DD`, 00:00 UTC. */
  readonly from: string;
  readonly genAiTokensPer1000: {
    readonly input?: string | undefined;
    readonly output?: string | undefined;
    readonly cacheRead?: string | undefined;
  };
  /** Whether it beats the rate that AI Core reports. */
  readonly override: boolean;
}

/** The part of a rate card that gives models their rates. */
export interface RateCard {
  readonly models: readonly ModelRateEntry[];
}

type Kind = keyof ModelRateEntry['genAiTokensPer1000'];

const kinds: readonly Kind[] = ['input', 'output', 'cacheRead'];
const dayForm = /^\d{4}-\d{2}-\d{2}$/;

/**
 * The CU factor in force at an instant (ms since 1970), as decimal text: of the entries whose day has come the
 * latest one, in whatever order they are given.
 *
 * @returns undefined before the first day: nothing can be priced then
 */
export function factorAt(factors: readonly FactorEntry[], instantMs: number): string | undefined {
  let current: FactorEntry | undefined;
  for (const entry of factors) {
    if (!hasCome(entry.from, instantMs)) continue;
    if (current === undefined || entry.from > current.from) current = entry;
  }
  return current?.factor;
}

/**
 * The rates of a model version at an instant (ms since 1970). Each kind is taken from the first that gives it:
 * entries of the card marked `override`, AI Core's own `live` tiers (`parseLiveCost`), other entries of the card.
 * Among several entries the one that names the model most closely wins, then its version, then the latest day;
 * between equals the dearer rate.
 *
 * @returns tiers in ascending order; undefined when input or output has no rate, and the model must be refused
 * @throws DecimalError when a rate of the card is not a decimal
 */
export function resolveRates(request: {
  card: RateCard;
  live: readonly LiveTier[];
  model: string;
  version: string;
  at: number;
}): RateTier[] | undefined {
  const { card, live, model, version, at } = request;
  const entries = card.models
    .filter((entry) => hasCome(entry.from, at))
    .filter((entry) => matchesGlob(entry.model, model) && matchesGlob(entry.versions, version));
  const overrides = cardRates(entries.filter(({ override }) => override));
  const fallbacks = cardRates(entries.filter(({ override }) => !override));
  const tiers: RateTier[] = [];
  const liveTiers: readonly LiveTier[] = live.length === 0 ? [{}] : live;
  for (const { upToInputTokens, ...rates } of liveTiers) {
    const { input, output, cacheRead }: CardRates = { ...fallbacks, ...rates, ...overrides };
    if (input === undefined || output === undefined) return undefined;
    tiers.push({
      ...(upToInputTokens === undefined ? {} : { upToInputTokens }),
      input,
      output,
      ...(cacheRead === undefined ? {} : { cacheRead }),
    });
  }
  return tiers;
}

type CardRates = { [kind in Kind]?: string };

/** For each kind that the entries give, the rate of the one that fits best. */
function cardRates(entries: readonly ModelRateEntry[]): CardRates {
  const rates: CardRates = {};
  for (const kind of kinds) {
    const rate = cardRate(entries, kind);
    if (rate !== undefined) rates[kind] = rate;
  }
  return rates;
}

/** The rate of a kind that the entries give, from the one that fits best, as canonical decimal text. */
function cardRate(entries: readonly ModelRateEntry[], kind: Kind): string | undefined {
  const candidates = entries.flatMap((entry) => {
    const text = entry.genAiTokensPer1000[kind];
    return text === undefined ? [] : [{ entry, rate: parseDecimal(text) }];
  });
  const [best] = candidates.toSorted((a, b) => compareFit(b.entry, a.entry) || compare(b.rate, a.rate));
  return best === undefined ? undefined : formatDecimal(best.rate);
}

/** More than 0 when `a` fits better than `b`. */
function compareFit(a: ModelRateEntry, b: ModelRateEntry): number {
  const byModel = globSpecificity(a.model) - globSpecificity(b.model);
  const byVersion = globSpecificity(a.versions) - globSpecificity(b.versions);
  return byModel || byVersion || startOf(a.from) - startOf(b.from);
}

/** Whether a day has begun; one that is not a date never has. */
function hasCome(day: string, instantMs: number): boolean {
  return startOf(day) <= instantMs;
}

function startOf(day: string): number {
  return dayForm.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
}
