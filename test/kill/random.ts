/** Numbers in [0, 1) that repeat for a seed: a linear congruential generator, good enough to choose moments. */
export function createRandom(seed: number): () => number {
  let state = BigInt(seed) & 0xffff_ffffn;
  return () => {
    state = (state * 1_664_525n + 1_013_904_223n) & 0xffff_ffffn;
    return Number(state) / 4_294_967_296;
  };
}
