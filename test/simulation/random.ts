/** Numbers that repeat for a seed, and do not depend on the machine. */
export interface Random {
  /** A whole number from 0 to `below` − 1. */
  below(below: number): number;
  /** True in that share of all cases, from 0 to 1. */
  chance(share: number): boolean;
}

/** A source of numbers for this seed (mulberry32: 32 bits of state, well mixed). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    below: (below) => Math.floor((next() / 2 ** 32) * below),
    chance: (share) => next() / 2 ** 32 < share,
  };
}
