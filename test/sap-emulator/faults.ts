import type { FaultMatch, FaultName, FaultParameters, FaultRule } from './fault-names.ts';

/** What is known of a request when its faults are chosen. */
export interface FaultFacts {
  route: string;
  clientId?: string | undefined;
  deployment?: string | undefined;
  model?: string | undefined;
  stream?: boolean | undefined;
  text?: string | undefined;
}

/** The faults of one request, each with the numbers its rule or control text gave. */
export type Faults = ReadonlyMap<FaultName, FaultParameters>;

/** Rules in force; each look-up uses them up. */
export interface FaultRules {
  add(rules: readonly FaultRule[]): void;
  list(): readonly FaultRule[];
  /** Forgets what was added and starts the random sequence again. */
  reset(): void;
  choose(facts: FaultFacts): Faults;
}

interface LiveRule {
  readonly rule: FaultRule;
  seen: number;
  used: number;
}

/** Most rules in force at once; the oldest go first. */
const maxRules = 256;

/** Rules that begin with `initial`; what has a probability below 1 follows `seed`. */
export function createFaultRules(initial: readonly FaultRule[], seed: number): FaultRules {
  let random = createRandom(seed);
  let live: LiveRule[] = [];
  const add = (rules: readonly FaultRule[]): void => {
    live = [...live, ...rules.map((rule) => ({ rule, seen: 0, used: 0 }))].slice(-maxRules);
  };
  add(initial);
  return {
    add,
    list: () => live.filter((entry) => !isUsedUp(entry)).map((entry) => entry.rule),
    reset: () => {
      random = createRandom(seed);
      live = [];
      add(initial);
    },
    choose: (facts) => {
      const chosen = new Map<FaultName, FaultParameters>();
      for (const entry of live) {
        if (acts(entry, facts, random)) {
          chosen.set(entry.rule.fault, entry.rule);
        }
      }
      return chosen;
    },
  };
}

function acts(entry: LiveRule, facts: FaultFacts, random: () => number): boolean {
  if (isUsedUp(entry) || !matches(entry.rule.match, facts)) {
    return false;
  }
  entry.seen += 1;
  if (entry.seen <= entry.rule.after || random() >= entry.rule.probability) {
    return false;
  }
  entry.used += 1;
  return true;
}

function isUsedUp(entry: LiveRule): boolean {
  return entry.rule.count !== undefined && entry.used >= entry.rule.count;
}

function matches(match: FaultMatch, facts: FaultFacts): boolean {
  const exact: (keyof FaultMatch & keyof FaultFacts)[] = [
    'route',
    'clientId',
    'deployment',
    'model',
    'stream',
  ];
  if (exact.some((key) => match[key] !== undefined && match[key] !== facts[key])) {
    return false;
  }
  return match.contains === undefined || (facts.text?.includes(match.contains) ?? false);
}

/** Numbers in [0, 1) that repeat for a seed (mulberry32: 32 bits of state are plenty for choosing faults). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
