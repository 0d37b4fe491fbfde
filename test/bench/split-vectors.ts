/** Share vectors as attribution makes them: few parties hold much of the text, most hold little. */
import { type Shares, WEIGHT_ONE } from '@openledger/protocol';
import { createRandom, type Random } from '../../server/compute/random.ts';

/** One answer's data leg, and whose it is. */
export type Vector = { readonly units: bigint; readonly shares: Shares };

/** In order of name, so that a list in order of number is a sorted one. */
export const partyName = (number: number): string => `pty_${number.toString(16).padStart(32, '0')}`;

/**
 * @param width distinct parties a vector, drawn by Zipf's law with exponent 1
 * @param parties how many there are
 */
export function* drawVectors({
  count,
  width,
  parties,
}: {
  readonly count: number;
  readonly width: number;
  readonly parties: number;
}): Generator<Vector> {
  const random = createRandom(13);
  const ranks = zipf(parties);
  for (let i = 0; i < count; i++) {
    const drawn = new Set<number>();
    while (drawn.size < width) drawn.add(rankAt(ranks, random.uniform()));
    const names = Uint32Array.from(drawn).sort();
    yield {
      units: 10n ** 15n + BigInt(random.below(10 ** 9)),
      shares: weigh(Array.from(names, partyName), random),
    };
  }
}

/** Whole weights that sum to 2^64. @param names sorted and distinct */
export function weigh(names: readonly string[], random: Random): Shares {
  const parts = names.map(() => BigInt(1 + random.below(1 << 16)));
  const all = parts.reduce((sum, part) => sum + part, 0n);
  let rest = WEIGHT_ONE;
  return names.map((to, i) => {
    const weight = i === names.length - 1 ? rest : (WEIGHT_ONE * parts[i]) / all;
    rest -= weight;
    return { to, weight };
  });
}

/** The distribution function of the ranks. */
function zipf(count: number): Float64Array {
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) upTo[rank] = sum += 1 / (rank + 1);
  return upTo.map((part) => part / sum);
}

function rankAt(upTo: Float64Array, chance: number): number {
  let [low, high] = [0, upTo.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (upTo[middle] < chance) low = middle + 1;
    else high = middle;
  }
  return low;
}
