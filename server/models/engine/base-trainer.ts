/** Trains a small model from scratch, every weight of it. */
import { createRandom } from '../../compute/random.ts';
import { fingerprintRun } from './fingerprint.ts';
import type { LlamaConfig } from './llama-config.ts';
import { baseTrainingGraph } from './training-graph.ts';
import { runTraining, type TrainingHooks, type TrainingSettings } from './training-loop.ts';
import { initialWeights, type Model } from './weights.ts';
import { sampleWindow, type TokenData, tokenStream } from './windows.ts';

export type BaseRecipe = TrainingSettings & {
  readonly config: LlamaConfig;
  /** The token put before each document. */
  readonly separator: number;
};

/**
 * The same recipe and data give the same weights on the same kind of machine with the same number of threads.
 *
 * @throws invalid_input when the data hold no tokens, or tokens outside the vocabulary
 */
export async function trainBase(
  recipe: BaseRecipe,
  data: TokenData,
  hooks: TrainingHooks = {},
): Promise<Model> {
  const { config, separator, context, seed } = recipe;
  const stream = tokenStream(data, { separator, vocabularySize: config.vocab_size });
  const random = createRandom(seed);
  const model = { config, weights: initialWeights(config, random) };
  const weights = await runTraining({
    graph: baseTrainingGraph(model, recipe, recipe.optimiser),
    weights: model.weights,
    random,
    nextWindow: (source) => sampleWindow(stream, context, source),
    settings: recipe,
    fingerprint: fingerprintRun({ recipe: withoutThreads(recipe), streams: [stream], weights: [] }),
    hooks,
  });
  return { config, weights };
}

/** A run may resume with another number of threads; it is still the same run. */
export const withoutThreads = <T extends TrainingSettings>({ threads: _, ...recipe }: T) => recipe;
