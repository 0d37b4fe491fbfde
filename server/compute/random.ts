/**
 * Seeded randomness: the same seed gives the same numbers on every machine, and the state can be stored and resumed.
 *
 * The generator is xoshiro128** with its 128-bit state filled by SplitMix64 from the seed.
 * Source: Blackman, Vigna, "Scrambled linear pseudorandom number generators", 2021; Steele, Lea, Flood, 2014.
 * Not for secrets.
 */

/** Four unsigned 32-bit words, not all zero. */
export type RandomState = readonly [number, number, number, number];

export type Random = {
  /** The next 32 random bits, as an unsigned integer. */
  readonly next: () => number;
  /** A number in [0, 1) with 53 random bits. */
  readonly uniform: () => number;
  /** An integer in [0, bound), each equally likely; `bound` at most 2^32. */
  readonly below: (bound: number) => number;
  /** A draw from the normal distribution with mean 0 and deviation 1. */
  readonly gaussian: () => number;
  readonly state: () => RandomState;
};

export const createRandom = (seed: number | bigint): Random =>
  restoreRandom(stateFromSeed(BigInt(seed)));

/** Continues exactly where a generator with this state stood. */
export function restoreRandom(state: RandomState): Random {
  let [a, b, c, d] = state.map((word) => word | 0);
  if ((a | b | c | d) === 0) throw new Error('The all-zero state never leaves zero.');

  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
  const uniform = (): number => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
  const below = (bound: number): number => {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
      throw new Error(`A bound is an integer from 1 to 2^32, not ${bound}.`);
    }
    const limit = 2 ** 32 - (2 ** 32 % bound); // the multiples of `bound` that fit: the rest would favour small numbers
    let drawn = next();
    while (drawn >= limit) drawn = next();
    return drawn % bound;
  };
  // Box, Muller, 1958; one of the pair is discarded, so that the state stays four words.
  const gaussian = (): number =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

  return { next, uniform, below, gaussian, state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0] };
}

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

function stateFromSeed(seed: bigint): RandomState {
  const [first, counter] = splitMix64(BigInt.asUintN(64, seed));
  const [second] = splitMix64(counter);
  const words = [first, first >> 32n, second, second >> 32n].map((part) =>
    Number(BigInt.asUintN(32, part)),
  );
  return [words[0], words[1], words[2], words[3]];
}

/** One step of SplitMix64: [output, next counter]. */
function splitMix64(counter: bigint): readonly [bigint, bigint] {
  const next = BigInt.asUintN(64, counter + 0x9e3779b97f4a7c15n);
  let mixed = next;
  mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n);
  mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
  return [mixed ^ (mixed >> 31n), next];
}
