/** Trains a low-rank adapter on a frozen base, with some of the base's own text mixed in so that it forgets less. */
import { createRandom } from '../../compute/random.ts';
import { type Adapter, initialAdapter } from './adapter.ts';
import { withoutThreads } from './base-trainer.ts';
import { fingerprintRun } from './fingerprint.ts';
import { adapterTrainingGraph } from './training-graph.ts';
import { runTraining, type TrainingHooks, type TrainingSettings } from './training-loop.ts';
import type { Model } from './weights.ts';
import { sampleWindow, type TokenData, tokenStream } from './windows.ts';

export type AdapterRecipe = TrainingSettings & {
  readonly rank: number;
  readonly alpha: number;
  /** The chance that a window is drawn from the base's data, 0 to 1. */
  readonly baseFraction: number;
  /** The token put before each document. */
  readonly separator: number;
};

export type AdapterData = { readonly own: TokenData; readonly base: TokenData };

/**
 * The same recipe, base and data give the same adapter bytes on the same kind of machine with the same number of
 * threads.
 *
 * @throws invalid_input when the data hold no tokens, or tokens outside the vocabulary
 */
export async function trainAdapter(
  recipe: AdapterRecipe,
  base: Model,
  data: AdapterData,
  hooks: TrainingHooks = {},
): Promise<Adapter> {
  const { separator, context, rank, alpha, baseFraction, seed } = recipe;
  const vocabulary = { separator, vocabularySize: base.config.vocab_size };
  const own = tokenStream(data.own, vocabulary);
  const old = baseFraction > 0 ? tokenStream(data.base, vocabulary) : own;
  const random = createRandom(seed);
  const adapter = initialAdapter(base.config, { rank, alpha, random });
  const weights = await runTraining({
    graph: adapterTrainingGraph(base, adapter, recipe, recipe.optimiser),
    weights: adapter.weights,
    random,
    nextWindow: (source) =>
      sampleWindow(source.uniform() < baseFraction ? old : own, context, source),
    settings: recipe,
    fingerprint: fingerprintRun({
      recipe: withoutThreads(recipe),
      streams: [own, old],
      weights: [base.weights],
    }),
    hooks,
  });
  return { rank, alpha, weights };
}
