/** All that is left to chance in a simulation, from one seed: the same seed makes the same choices. */
import { type Id, type IdKind, makeId } from '@openledger/protocol';
import { createRandom } from '../../server/compute/random.ts';

export type Chance = {
  /** An integer from `low` to `high`, both included. */
  readonly between: (low: number, high: number) => number;
  /** True so often, 0 to 1. */
  readonly happens: (probability: number) => boolean;
  readonly pick: <T>(items: readonly T[]) => T;
  readonly id: <K extends IdKind>(kind: K, now: number) => Id<K>;
};

export function createChance(seed: number): Chance {
  const { below, uniform, next } = createRandom(seed);
  return {
    between: (low, high) => low + below(high - low + 1),
    happens: (probability) => uniform() < probability,
    pick: (items) => items[below(items.length)],
    id: (kind, now) => {
      const random = new Uint8Array(10);
      for (let i = 0; i < random.length; i++) random[i] = next() & 0xff;
      return makeId(kind, { now, random });
    },
  };
}
