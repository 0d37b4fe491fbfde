/** For tests: a model small enough to train in milliseconds, and a language simple enough for it to learn. */
import { createRandom } from '../../compute/random.ts';
import { sizeOf } from '../../compute/tensor/graph.ts';
import type { AdapterRecipe } from './adapter-trainer.ts';
import type { BaseRecipe } from './base-trainer.ts';
import { llamaShapes } from './llama.ts';
import { type LlamaConfig, llamaConfig } from './llama-config.ts';
import { fillGaussian, type Model } from './weights.ts';
import type { TokenData } from './windows.ts';

const separator = 0;

export const tinyConfig = llamaConfig({
  vocabularySize: 31,
  width: 16,
  feedForwardWidth: 24,
  layers: 2,
  heads: 4,
  keyValueHeads: 2,
  context: 64,
  tiedEmbeddings: false,
  separator,
});

/** Not trained but drawn large, so that every weight, token and position matters. */
export function tinyModel(seed: number, config: LlamaConfig = tinyConfig): Model {
  const random = createRandom(seed);
  const weights = new Map(
    [...llamaShapes(config)].map(([name, shape]) => {
      const data = new Float32Array(sizeOf(shape));
      fillGaussian(data, shape.length === 1 ? 0.1 : 0.4, random);
      return [name, { shape, data: shape.length === 1 ? data.map((x) => x + 1) : data }];
    }),
  );
  return { config, weights };
}

const settings = {
  batch: 4,
  context: 12,
  separator,
  seed: 11,
  threads: 1,
  schedule: { steps: 24, warmupSteps: 4, peakLearningRate: 1e-2, finalFraction: 0.1 },
  optimiser: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, maxGradientNorm: 1 },
};

export const tinyBaseRecipe: BaseRecipe = { ...settings, config: tinyConfig };
export const tinyAdapterRecipe: AdapterRecipe = {
  ...settings,
  rank: 3,
  alpha: 6,
  baseFraction: 1 / 3,
};

/** Documents that count upwards in steps of their own: the next token follows from the two before it. */
export function countingDocuments(count: number, seed: number): TokenData {
  const random = createRandom(seed);
  const tokens: number[] = [];
  const documents: number[] = [];
  for (let document = 0; document < count; document++) {
    documents.push(tokens.length);
    const stride = 1 + random.below(3);
    let token = random.below(30);
    for (let i = 0; i < 20; i++) {
      tokens.push(1 + token);
      token = (token + stride) % 30;
    }
  }
  return { tokens: Uint16Array.from(tokens), documents };
}
