/**
 * Low-rank adapters: W x becomes W x + (alpha / rank) B (A x), with only A and B trained.
 *
 * Source: Hu et al., "LoRA", 2021, section 4.1.
 */

import { OpenLedgerError } from '@openledger/protocol';
import type { Random } from '../../compute/random.ts';
import { blockLinears, blockName } from './llama.ts';
import type { LlamaConfig } from './llama-config.ts';
import { fillGaussian, type Model, type Weights, type WeightTensor } from './weights.ts';

export type Adapter = {
  readonly rank: number;
  readonly alpha: number;
  /** `<layer>.lora_A.weight` [rank, in] and `<layer>.lora_B.weight` [out, rank] for each adapted linear layer. */
  readonly weights: Weights;
};

export const factorNames = (layer: string) => ({
  a: `${layer}.lora_A.weight`,
  b: `${layer}.lora_B.weight`,
});

/** Every linear layer of every block: [name, output size, input size]. */
export const adaptableLayers = (
  config: LlamaConfig,
): readonly (readonly [string, number, number])[] =>
  Array.from({ length: config.num_hidden_layers }, (_, layer) =>
    blockLinears(config).map(
      ([name, outputs, inputs]) => [`${blockName(layer)}.${name}`, outputs, inputs] as const,
    ),
  ).flat();

/** An untrained adapter changes nothing: A is random, B is zero. */
export function initialAdapter(
  config: LlamaConfig,
  {
    rank,
    alpha,
    random,
  }: { readonly rank: number; readonly alpha: number; readonly random: Random },
): Adapter {
  const weights = new Map<string, WeightTensor>();
  for (const [layer, outputs, inputs] of adaptableLayers(config)) {
    const data = new Float32Array(rank * inputs);
    fillGaussian(data, 1 / Math.sqrt(inputs), random);
    const { a, b } = factorNames(layer);
    weights.set(a, { shape: [rank, inputs], data });
    weights.set(b, { shape: [outputs, rank], data: new Float32Array(outputs * rank) });
  }
  return { rank, alpha, weights };
}

/**
 * The model that base and adapter are together; the base is left as it was.
 *
 * @throws invalid_input when the adapter does not fit the base
 */
export function mergeAdapter(base: Model, adapter: Adapter): Model {
  const weights = new Map(base.weights);
  const scaling = adapter.alpha / adapter.rank;
  const sizes = new Map(adaptableLayers(base.config).map(([name, out, inn]) => [name, [out, inn]]));
  for (const layer of adaptedLayers(adapter)) {
    const { a, b } = factorNames(layer);
    const factorA = adapter.weights.get(a);
    const factorB = adapter.weights.get(b);
    const frozen = weights.get(`${layer}.weight`);
    const [outputs, inputs] = sizes.get(layer) ?? [];
    const fits =
      factorA?.shape.join() === `${adapter.rank},${inputs}` &&
      factorB?.shape.join() === `${outputs},${adapter.rank}`;
    if (!frozen || !factorA || !factorB || !fits) {
      throw new OpenLedgerError('invalid_input', 'The adapter does not fit this base model.', {
        layer,
      });
    }
    const data = addProduct(frozen.data, factorB, factorA, scaling);
    weights.set(`${layer}.weight`, { shape: frozen.shape, data });
  }
  return { config: base.config, weights };
}

/** The names of the layers an adapter changes. */
export const adaptedLayers = (adapter: Adapter): readonly string[] => [
  ...new Set([...adapter.weights.keys()].map((name) => name.replace(/\.lora_[AB]\.weight$/, ''))),
];

/** w + scaling B A, with w [out, in], B [out, rank], A [rank, in]. */
function addProduct(
  w: Float32Array,
  { data: b, shape: [outputs, rank] }: WeightTensor,
  { data: a, shape: [, inputs] }: WeightTensor,
  scaling: number,
): Float32Array {
  const merged = w.slice();
  for (let row = 0; row < outputs; row++) {
    for (let r = 0; r < rank; r++) {
      const factor = scaling * b[row * rank + r];
      for (let column = 0; column < inputs; column++) {
        merged[row * inputs + column] += factor * a[r * inputs + column];
      }
    }
  }
  return merged;
}
