/** One graph for one training step: forward pass, loss, backward pass, optimiser. */
import { type AdamWSettings, emitAdamW } from '../../compute/tensor/adamw.ts';
import { gradients } from '../../compute/tensor/gradients.ts';
import {
  constant,
  createGraph,
  type Graph,
  input,
  output,
  type Shape,
  type Value,
} from '../../compute/tensor/graph.ts';
import { crossEntropy } from '../../compute/tensor/layers.ts';
import { add, linear, mean, scale } from '../../compute/tensor/operators.ts';
import { type Adapter, factorNames } from './adapter.ts';
import { causalAttention, llamaHidden, llamaLogits } from './llama.ts';
import type { LlamaConfig } from './llama-config.ts';
import { type Model, shapesOf, type Weights } from './weights.ts';

export type BatchSize = { readonly batch: number; readonly context: number };

/** Trains every weight of a model. */
export function baseTrainingGraph(model: Model, size: BatchSize, optimiser: AdamWSettings): Graph {
  const graph = createGraph();
  const trained = weightInputs(graph, shapesOf(model.weights));
  const parameter = lookup(trained);
  const loss = emitLoss(graph, model.config, size, {
    parameter,
    dense: (x, name) => linear(x, parameter(`${name}.weight`)),
  });
  return finish(loss, trained, optimiser);
}

/** Trains an adapter's factors; the base's weights are constants of the graph. */
export function adapterTrainingGraph(
  base: Model,
  adapter: Adapter,
  size: BatchSize,
  optimiser: AdamWSettings,
): Graph {
  const graph = createGraph();
  const parameter = lookup(weightConstants(graph, base.weights));
  const trained = weightInputs(graph, shapesOf(adapter.weights));
  const factor = lookup(trained);
  const loss = emitLoss(graph, base.config, size, {
    parameter,
    dense: (x, name) => {
      const frozen = linear(x, parameter(`${name}.weight`));
      const { a, b } = factorNames(name);
      if (!trained.has(a)) return frozen;
      const low = scale(linear(x, factor(a)), adapter.alpha / adapter.rank); // [n, rank]
      return add(frozen, linear(low, factor(b)));
    },
  });
  return finish(loss, trained, optimiser);
}

type Layers = {
  readonly parameter: (name: string) => Value;
  readonly dense: (x: Value, name: string) => Value;
};

/** The mean loss of a batch, in nats a token. */
function emitLoss(
  graph: Graph,
  config: LlamaConfig,
  { batch, context }: BatchSize,
  layers: Layers,
): Value {
  const tokens = input(graph, 'tokens', 'int32', [batch * context]);
  const targets = input(graph, 'targets', 'int32', [batch * context]);
  const attend = causalAttention(graph, config, { batch, length: context });
  const parts = { config, ...layers, attend };
  return mean(crossEntropy(llamaLogits(parts, llamaHidden(parts, tokens)), targets));
}

function finish(loss: Value, trained: ReadonlyMap<string, Value>, optimiser: AdamWSettings): Graph {
  const weights = [...trained.values()];
  const slopes = gradients(loss, weights);
  output(loss, 'loss');
  emitAdamW(
    weights.map((weight, i) => ({ weight, gradient: slopes[i] })),
    optimiser,
  );
  return loss.graph;
}

export const weightInputs = (
  graph: Graph,
  shapes: ReadonlyMap<string, Shape>,
): ReadonlyMap<string, Value> =>
  new Map([...shapes].map(([name, shape]) => [name, input(graph, name, 'float32', shape)]));

export const weightConstants = (graph: Graph, weights: Weights): ReadonlyMap<string, Value> =>
  new Map([...weights].map(([name, { shape, data }]) => [name, constant(graph, data, shape)]));

export function lookup(values: ReadonlyMap<string, Value>): (name: string) => Value {
  return (name) => {
    const value = values.get(name);
    if (!value) throw new Error(`The model has no parameter ${name}.`);
    return value;
  };
}
