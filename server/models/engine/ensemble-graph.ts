/**
 * Many adapters of one base in one graph: what they share is computed in one go, and each keeps its own texts, loss,
 * gradient and optimiser. An adapter is too small to keep a processor busy by itself.
 *
 * Adapters' factors are inputs with an axis in front that counts the members: `<layer>.lora_A.weight` [members, rank, in].
 */
import { type AdamWSettings, emitEnsembleAdamW } from '../../compute/tensor/adamw.ts';
import { gradients } from '../../compute/tensor/gradients.ts';
import { createGraph, type Graph, input, output, type Value } from '../../compute/tensor/graph.ts';
import { crossEntropy } from '../../compute/tensor/layers.ts';
import {
  add,
  linear,
  matmul,
  multiply,
  reshape,
  scale,
  sum,
  transpose,
} from '../../compute/tensor/operators.ts';
import { type Adapter, factorNames } from './adapter.ts';
import { causalAttention, llamaHidden, llamaLogits } from './llama.ts';
import { type BatchSize, lookup, weightConstants, weightInputs } from './training-graph.ts';
import type { Model } from './weights.ts';

/** `batch` windows of `context` tokens for each member, member after member. */
export type EnsembleSize = BatchSize & { readonly members: number };

type Pass = {
  readonly graph: Graph;
  readonly factors: ReadonlyMap<string, Value>;
  /** Of each token, [members batch context, 1]. */
  readonly losses: Value;
};

/** One AdamW step of every member, each as `adapterTrainingGraph` would take it alone. */
export function ensembleTrainingGraph(
  base: Model,
  adapter: Adapter,
  size: EnsembleSize,
  optimiser: AdamWSettings,
): Graph {
  const pass = forward(base, adapter, size);
  const weights = [...pass.factors.values()];
  const slopes = gradients(totalOfMeans(pass.losses, size), weights);
  emitEnsembleAdamW(
    weights.map((weight, i) => ({ weight, gradient: slopes[i] })),
    optimiser,
  );
  return pass.graph;
}

/**
 * Every member's gradient of its weighed loss, as outputs `slope.<factor>`. With a window a member: gradients of records.
 *
 * The input `mask` [members batch context] weighs each token's loss.
 */
export function ensembleGradientGraph(base: Model, adapter: Adapter, size: EnsembleSize): Graph {
  const pass = forward(base, adapter, size);
  const mask = input(pass.graph, 'mask', 'float32', [...pass.losses.shape]);
  const loss = reshape(sum(multiply(pass.losses, mask), [0, 1]), []);
  const slopes = gradients(loss, [...pass.factors.values()]);
  for (const [i, name] of [...pass.factors.keys()].entries()) output(slopes[i], `slope.${name}`);
  return pass.graph;
}

/** The loss of each token under each member, as the output `losses`. */
export function ensembleScoringGraph(base: Model, adapter: Adapter, size: EnsembleSize): Graph {
  const { graph, losses } = forward(base, adapter, size);
  output(losses, 'losses');
  return graph;
}

function forward(base: Model, adapter: Adapter, { members, batch, context }: EnsembleSize): Pass {
  const graph = createGraph();
  const tokens = input(graph, 'tokens', 'int32', [members * batch * context]);
  const targets = input(graph, 'targets', 'int32', [members * batch * context]);
  const parameter = lookup(weightConstants(graph, base.weights));
  const shapes = [...adapter.weights].map(
    ([name, { shape }]) => [name, [members, ...shape]] as const,
  );
  const factors = weightInputs(graph, new Map(shapes));
  const factor = lookup(factors);
  const dense = (x: Value, name: string): Value => {
    const frozen = linear(x, parameter(`${name}.weight`));
    const { a, b } = factorNames(name);
    if (!factors.has(a)) return frozen;
    const own = reshape(x, [members, batch * context, x.shape[1]]);
    const low = matmul(own, transpose(factor(a), [0, 2, 1])); // [members, n, rank]
    const scaled = scale(low, adapter.alpha / adapter.rank);
    const change = matmul(scaled, transpose(factor(b), [0, 2, 1])); // [members, n, out]
    return add(frozen, reshape(change, frozen.shape));
  };
  const attend = causalAttention(graph, base.config, { batch: members * batch, length: context });
  const parts = { config: base.config, parameter, dense, attend };
  const losses = crossEntropy(llamaLogits(parts, llamaHidden(parts, tokens)), targets);
  return { graph, factors, losses };
}

/** Members do not meet in it, so its gradient in a member's factors is that of the member's own mean loss. */
function totalOfMeans(losses: Value, { batch, context }: EnsembleSize): Value {
  return scale(reshape(sum(losses, [0, 1]), []), 1 / (batch * context));
}
