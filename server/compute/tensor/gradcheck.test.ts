import { expect, test } from 'vitest';
import { type GradientCase, worstGradientError } from './gradcheck.ts';
import { constant, type Value } from './graph.ts';
import { crossEntropy, embed, rmsNorm, silu, softmax } from './layers.ts';
import {
  add,
  expand,
  linear,
  matmul,
  mean,
  multiply,
  negate,
  reshape,
  scale,
  subtract,
  sum,
  swapHalves,
  transpose,
} from './operators.ts';

/** A loss in which every element counts differently, so that a misplaced gradient shows. */
function weighted(a: Value): Value {
  const weights = Float32Array.from({ length: a.shape.reduce((x, y) => x * y, 1) }, (_, i) =>
    Math.sin(1 + 2 * i),
  );
  return scale(mean(multiply(a, constant(a.graph, weights, a.shape))), 10);
}

const cases: Record<string, GradientCase> = {
  add: { parameters: { a: [3, 4], b: [3, 4] }, loss: ({ a, b }) => weighted(add(a, b)) },
  'add, broadcast': {
    parameters: { a: [2, 3, 4], b: [3, 1] },
    loss: ({ a, b }) => weighted(add(a, b)),
  },
  subtract: { parameters: { a: [3, 4], b: [4] }, loss: ({ a, b }) => weighted(subtract(a, b)) },
  multiply: { parameters: { a: [3, 4], b: [3, 4] }, loss: ({ a, b }) => weighted(multiply(a, b)) },
  'multiply, broadcast': {
    parameters: { a: [3, 4], b: [2, 1, 4] },
    loss: ({ a, b }) => weighted(multiply(a, b)),
  },
  'a value used twice': { parameters: { a: [5] }, loss: ({ a }) => weighted(multiply(a, a)) },
  negate: { parameters: { a: [7] }, loss: ({ a }) => weighted(negate(a)) },
  matmul: {
    parameters: { a: [2, 3, 4], b: [2, 4, 5] },
    loss: ({ a, b }) => weighted(matmul(a, b)),
  },
  linear: { parameters: { x: [3, 4], w: [5, 4] }, loss: ({ x, w }) => weighted(linear(x, w)) },
  reshape: { parameters: { a: [3, 4] }, loss: ({ a }) => weighted(reshape(a, [2, 6])) },
  transpose: { parameters: { a: [2, 3, 4] }, loss: ({ a }) => weighted(transpose(a, [2, 0, 1])) },
  swapHalves: { parameters: { a: [3, 6] }, loss: ({ a }) => weighted(swapHalves(a)) },
  sum: { parameters: { a: [2, 3, 4] }, loss: ({ a }) => weighted(sum(a, [0, 2])) },
  expand: { parameters: { a: [3, 1] }, loss: ({ a }) => weighted(expand(a, [2, 3, 4])) },
  softmax: { parameters: { a: [3, 5] }, loss: ({ a }) => weighted(softmax(a)) },
  silu: { parameters: { a: [4, 5] }, loss: ({ a }) => weighted(silu(a)) },
  rmsNorm: {
    parameters: { x: [3, 8], w: [8] },
    loss: ({ x, w }) => weighted(rmsNorm(x, w, 1e-5)),
  },
  embed: {
    parameters: { table: [6, 4] },
    fixed: { tokens: Int32Array.of(5, 0, 5, 2, 5) },
    loss: ({ table, tokens }) => weighted(embed(table, tokens)),
  },
  'crossEntropy, mean': {
    parameters: { logits: [4, 6] },
    fixed: { targets: Int32Array.of(5, 0, 3, 3) },
    loss: ({ logits, targets }) => mean(crossEntropy(logits, targets)),
  },
  'crossEntropy, each token': {
    parameters: { logits: [4, 6] },
    fixed: { targets: Int32Array.of(5, 0, 3, 3) },
    loss: ({ logits, targets }) => weighted(crossEntropy(logits, targets)),
  },
};

test.each(
  Object.entries(cases),
)('the gradient of %s agrees with finite differences', async (_, given) => {
  expect(await worstGradientError(given)).toBeLessThan(2e-3);
});

test('refuses a loss that is not a scalar, and a parameter the loss does not depend on', async () => {
  const vector: GradientCase = { parameters: { a: [2] }, loss: ({ a }) => scale(a, 2) };
  await expect(worstGradientError(vector)).rejects.toThrow('scalar');
  const unused: GradientCase = { parameters: { a: [2], b: [2] }, loss: ({ a }) => mean(a) };
  await expect(worstGradientError(unused)).rejects.toThrow('does not depend');
});
