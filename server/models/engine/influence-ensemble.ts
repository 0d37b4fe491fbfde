/**
 * Trains what influence is read from: adapters on random halves of the owners, and a sketch of each record's gradient.
 *
 * Between groups of owners the ensemble tells who moved an output (`subset-ridge.ts`), inside a group the gradients do:
 * of each record's loss under the adapter that is served, divided by the square root of Adam's second moment as a step of the
 * optimiser would be.
 */
import { countSketch } from '../../compute/influence/count-sketch.ts';
import type { Masks } from '../../compute/influence/metrics.ts';
import { halfMasks } from '../../compute/influence/subset-ridge.ts';
import type { Random } from '../../compute/random.ts';
import type { Adapter } from './adapter.ts';
import { type EnsembleRecipe, eachWindowGradient, flatten, trainEnsemble } from './ensemble.ts';
import type { Model } from './weights.ts';
import { fixedWindows, sampleWindow, type TokenStream } from './windows.ts';

export type InfluenceEnsemble = {
  /** Hashes of records, group by group of their owners. */
  readonly groups: readonly (readonly string[])[];
  /** Which groups each adapter was trained on. */
  readonly masks: Masks;
  readonly adapters: readonly Adapter[];
  /** Tokens of each record that were learned, in the order of the groups. */
  readonly sizes: readonly number[];
  /** [SKETCH] for each record, in the order of the groups. */
  readonly features: readonly Float32Array[];
};

/** Numbers kept of each record's gradient. */
export const SKETCH = 256;
/** Windows of a record that are looked at. */
const MOST_WINDOWS = 4;

export async function trainInfluence(
  base: Model,
  served: Adapter,
  {
    recipe,
    count,
    seed,
    groups,
    streamOf,
    base: old,
    baseFraction,
    tokensOf,
    onStep,
  }: {
    readonly recipe: EnsembleRecipe;
    /** Adapters. */
    readonly count: number;
    readonly seed: number;
    readonly groups: InfluenceEnsemble['groups'];
    /** What an adapter learns of some groups. */
    readonly streamOf: (isIn: (recordHash: string) => boolean) => TokenStream;
    readonly base: TokenStream;
    readonly baseFraction: number;
    /** What was learned of a record, with a separator before it. */
    readonly tokensOf: (recordHash: string) => TokenStream;
    /** Of all adapters' steps, how many are done. */
    readonly onStep?: (done: number) => void;
  },
): Promise<InfluenceEnsemble> {
  const masks = halfMasks(groups.length, { count, seed });
  const groupOf = new Map(groups.flatMap((hashes, group) => hashes.map((hash) => [hash, group])));
  const members = masks.map((mask, member) => {
    const own = streamOf((hash) => mask[groupOf.get(hash) ?? -1] === 1);
    return {
      seed: seed + member,
      nextWindow: (random: Random) =>
        sampleWindow(random.uniform() < baseFraction ? old : own, recipe.context, random),
    };
  });
  const { steps } = recipe.schedule;
  const { adapters, shown } = await trainEnsemble(base, recipe, members, {
    at: [steps],
    onStep,
  });
  const second = flatten(shown[0].second);
  const correction = 1 - recipe.optimiser.beta2 ** steps;
  const scales = second.map((v) => 1 / (Math.sqrt(v / correction) + recipe.optimiser.epsilon));
  const { context } = recipe;
  const streams = groups.flat().map(tokensOf);
  const windows = streams.map((own) => fixedWindows(own, { context, count: MOST_WINDOWS }));
  const gradients = eachWindowGradient(base, served, windows.flat(), recipe);
  const features: Float32Array[] = [];
  for (const [record, own] of windows.entries()) {
    // The windows stand for all of the text, however long: so it counts by its tokens, whole or cut.
    const weight = streams[record].length / (context + 1) / own.length;
    const sum = new Float64Array(scales.length);
    for (const _ of own) {
      const { value: gradient } = await gradients.next();
      for (let i = 0; i < sum.length; i++) sum[i] += weight * gradient[i] * scales[i];
    }
    features.push(countSketch(sum, SKETCH));
  }
  await gradients.next(); // lets the session go
  return { groups, masks, adapters, sizes: streams.map(({ length }) => length), features };
}
