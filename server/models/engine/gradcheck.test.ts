import { expect, test } from 'vitest';
import { createRandom, type Random } from '../../compute/random.ts';
import { worstGradientError } from '../../compute/tensor/gradcheck.ts';
import { crossEntropy } from '../../compute/tensor/layers.ts';
import { add, linear, mean } from '../../compute/tensor/operators.ts';
import { factorNames, initialAdapter } from './adapter.ts';
import { causalAttention, llamaHidden, llamaLogits } from './llama.ts';
import { llamaConfig } from './llama-config.ts';
import { initialWeights, type Weights } from './weights.ts';

const config = llamaConfig({
  vocabularySize: 23,
  width: 16,
  feedForwardWidth: 24,
  layers: 2,
  heads: 4,
  keyValueHeads: 2,
  context: 8,
  tiedEmbeddings: true,
  separator: 0,
});
const batch = 2;
const length = 5;

/** Large, so that the loss is steep enough to measure in float32, and curved no more than a step can follow. */
function drawn(weights: Weights, random: Random) {
  const scaleOf = (name: string) =>
    name.includes('embed') ? 1 : name.includes('norm') ? 0.1 : 0.4;
  return Object.fromEntries(
    [...weights].map(([name, { shape, data }]) => [
      name,
      {
        shape,
        data: data.map(() => (shape.length === 1 ? 1 : 0) + scaleOf(name) * random.gaussian()),
      },
    ]),
  );
}

test('the gradient of a whole Llama with grouped queries and adapters agrees with finite differences', async () => {
  const random = createRandom(5);
  const adapter = initialAdapter(config, { rank: 2, alpha: 4, random });
  const worst = await worstGradientError({
    parameters: {
      ...drawn(initialWeights(config, random), random),
      ...drawn(adapter.weights, random),
    },
    fixed: {
      tokens: Int32Array.from({ length: batch * length }, () => random.below(23)),
      targets: Int32Array.from({ length: batch * length }, () => random.below(23)),
    },
    loss: (values, graph) => {
      const parts = {
        config,
        parameter: (name: string) => values[name],
        dense: (x: (typeof values)[string], name: string) => {
          const { a, b } = factorNames(name);
          return add(linear(x, values[`${name}.weight`]), linear(linear(x, values[a]), values[b]));
        },
        attend: causalAttention(graph, config, { batch, length }),
      };
      const logits = llamaLogits(parts, llamaHidden(parts, values.tokens));
      return mean(crossEntropy(logits, values.targets));
    },
  });
  expect(worst).toBeLessThan(1e-2);
});
