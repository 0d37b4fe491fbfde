/** The forward pass of a few new tokens that also see a cache of earlier keys and values. */
import {
  createGraph,
  emit,
  emitMany,
  type Graph,
  input,
  integers,
  output,
  type Value,
} from '../../compute/tensor/graph.ts';
import { softmax } from '../../compute/tensor/layers.ts';
import { add, linear, matmul, reshape, scale, transpose } from '../../compute/tensor/operators.ts';
import {
  groupQueries,
  type LlamaParts,
  llamaHidden,
  llamaLogits,
  rotate,
  ungroup,
} from './llama.ts';
import type { LlamaConfig } from './llama-config.ts';
import { lookup, weightConstants } from './training-graph.ts';
import type { Model } from './weights.ts';

export type DecodingSize = {
  /** Rows: independent sequences. */
  readonly batch: number;
  /** New tokens a row. */
  readonly length: number;
  /** Columns of the cache. */
  readonly maxLength: number;
};

/**
 * Inputs: `tokens` [batch length], `last` [batch] (which token of all to score), `cosines` and `sines` [batch, length,
 * 1, d], `mask` [batch, 1, group length, maxLength + length], and `keys.<layer>`, `values.<layer>`
 * [batch, key-value heads, maxLength, d].
 * Outputs: `logits` [batch, vocabulary], and `new.keys.<layer>`, `new.values.<layer>` [batch, key-value heads, length, d].
 */
export function decodingGraph({ config, weights }: Model, size: DecodingSize): Graph {
  const graph = createGraph();
  const { batch, length } = size;
  const tokens = input(graph, 'tokens', 'int32', [batch * length]);
  const last = input(graph, 'last', 'int32', [batch]);
  const parameter = lookup(weightConstants(graph, weights));
  const parts = {
    config,
    parameter,
    dense: (x: Value, name: string) => linear(x, parameter(`${name}.weight`)),
    attend: cachedAttention(graph, config, size),
  };
  const hidden = llamaHidden(parts, tokens); // [batch length, width]
  const chosen = emit('Gather', [hidden, last], {
    shape: [batch, config.hidden_size],
    attributes: { axis: { int: 0 } },
  });
  output(llamaLogits(parts, chosen), 'logits');
  return graph;
}

function cachedAttention(
  graph: Graph,
  config: LlamaConfig,
  { batch, length, maxLength }: DecodingSize,
): LlamaParts['attend'] {
  const { num_attention_heads: heads, num_key_value_heads: keyHeads, head_dim: d } = config;
  const lines = (heads / keyHeads) * length; // rows of one key head's score matrix
  const width = maxLength + length;
  const cosines = input(graph, 'cosines', 'float32', [batch, length, 1, d]);
  const sines = input(graph, 'sines', 'float32', [batch, length, 1, d]);
  const mask = input(graph, 'mask', 'float32', [batch, 1, lines, width]);
  const rotation = { cosines, sines };
  const cache = (name: string): Value =>
    input(graph, name, 'float32', [batch, keyHeads, maxLength, d]);
  const byHead = (a: Value): Value => transpose(a, [0, 2, 1, 3]); // [batch, key heads, length, d]
  const turned = (a: Value): Value => transpose(a, [0, 1, 3, 2]);

  return (layer, queries, keys, values) => {
    const q = scale(groupQueries(queries, config, { batch, length, rotation }), 1 / Math.sqrt(d));
    const k = byHead(rotate(reshape(keys, [batch, length, keyHeads, d]), rotation));
    const v = byHead(reshape(values, [batch, length, keyHeads, d]));
    const oldKeys = cache(`keys.${layer}`);
    const oldValues = cache(`values.${layer}`);
    output(k, `new.keys.${layer}`);
    output(v, `new.values.${layer}`);

    const scores = emit('Concat', [matmul(q, turned(oldKeys)), matmul(q, turned(k))], {
      shape: [batch, keyHeads, lines, width],
      attributes: { axis: { int: -1 } },
    });
    const p = softmax(add(scores, mask));
    const [pOld, pNew] = emitMany(
      'Split',
      [p, integers(graph, [maxLength, length])],
      [
        [batch, keyHeads, lines, maxLength],
        [batch, keyHeads, lines, length],
      ],
      { attributes: { axis: { int: -1 } } },
    );
    return ungroup(add(matmul(pOld, oldValues), matmul(pNew, v)), config, { batch, length });
  };
}
