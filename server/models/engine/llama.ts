/**
 * The Llama architecture as a graph: root-mean-square norms, rotary positions, grouped-query attention, SwiGLU.
 *
 * Names, shapes and conventions are those of Hugging Face's `LlamaForCausalLM`, so that its files are ours and ours
 * its: weights are [out, in]; rotary pairs are (i, i + d/2), the "half rotation".
 * Source: Touvron et al., "LLaMA", 2023; Su et al., "RoFormer", 2021; Ainslie et al., "GQA", 2023.
 */
import { constant, type Graph, type Shape, type Value } from '../../compute/tensor/graph.ts';
import { embed, rmsNorm, silu, softmax } from '../../compute/tensor/layers.ts';
import {
  add,
  linear,
  matmul,
  multiply,
  reshape,
  swapHalves,
  transpose,
} from '../../compute/tensor/operators.ts';
import type { LlamaConfig } from './llama-config.ts';

/** The linear layers of one block, which are also what an adapter adapts: [name, output size, input size]. */
export function blockLinears(config: LlamaConfig): readonly (readonly [string, number, number])[] {
  const { hidden_size: width, intermediate_size: inner, head_dim } = config;
  const queries = config.num_attention_heads * head_dim;
  const keys = config.num_key_value_heads * head_dim;
  return [
    ['self_attn.q_proj', queries, width],
    ['self_attn.k_proj', keys, width],
    ['self_attn.v_proj', keys, width],
    ['self_attn.o_proj', width, queries],
    ['mlp.gate_proj', inner, width],
    ['mlp.up_proj', inner, width],
    ['mlp.down_proj', width, inner],
  ];
}

/** Every parameter's name and shape, in a fixed order. */
export function llamaShapes(config: LlamaConfig): ReadonlyMap<string, Shape> {
  const { hidden_size: width, vocab_size: vocabulary } = config;
  const shapes = new Map<string, Shape>([['model.embed_tokens.weight', [vocabulary, width]]]);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const block = blockName(layer);
    shapes.set(`${block}.input_layernorm.weight`, [width]);
    shapes.set(`${block}.post_attention_layernorm.weight`, [width]);
    for (const [name, outputs, inputs] of blockLinears(config)) {
      shapes.set(`${block}.${name}.weight`, [outputs, inputs]);
    }
  }
  shapes.set('model.norm.weight', [width]);
  if (!config.tie_word_embeddings) shapes.set('lm_head.weight', [vocabulary, width]);
  return shapes;
}

export const blockName = (layer: number): string => `model.layers.${layer}`;

export type LlamaParts = {
  readonly config: LlamaConfig;
  /** A parameter by its full name. */
  readonly parameter: (name: string) => Value;
  /** A linear layer by its name without `.weight`: x [n, in] -> [n, out]. Adapters hook in here. */
  readonly dense: (x: Value, name: string) => Value;
  /** Attention of one layer: queries [n, heads d], keys and values [n, key-value heads d] -> [n, heads d]. */
  readonly attend: (layer: number, queries: Value, keys: Value, values: Value) => Value;
};

/**
 * The final, normalised hidden state of each token.
 *
 * @param tokens [n], int32
 * @returns [n, width]
 */
export function llamaHidden(
  { config, parameter, dense, attend }: LlamaParts,
  tokens: Value,
): Value {
  const norm = (a: Value, name: string): Value =>
    rmsNorm(a, parameter(`${name}.weight`), config.rms_norm_eps);

  let x = embed(parameter('model.embed_tokens.weight'), tokens); // [n, width]
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const block = blockName(layer);
    const attention = `${block}.self_attn`;
    const a = norm(x, `${block}.input_layernorm`);
    const [q, k, v] = ['q_proj', 'k_proj', 'v_proj'].map((name) =>
      dense(a, `${attention}.${name}`),
    );
    x = add(x, dense(attend(layer, q, k, v), `${attention}.o_proj`));

    const b = norm(x, `${block}.post_attention_layernorm`);
    const gate = silu(dense(b, `${block}.mlp.gate_proj`)); // [n, inner]
    const up = dense(b, `${block}.mlp.up_proj`);
    x = add(x, dense(multiply(gate, up), `${block}.mlp.down_proj`));
  }
  return norm(x, 'model.norm');
}

/** Scores of every next token: hidden [n, width] -> [n, vocabulary]. */
export const llamaLogits = ({ config, parameter }: LlamaParts, hidden: Value): Value =>
  linear(
    hidden,
    parameter(config.tie_word_embeddings ? 'model.embed_tokens.weight' : 'lm_head.weight'),
  );

/** Cosines and signed sines that `rotate` takes, for given positions: each [positions, head size]. */
export function rotaryTables(config: LlamaConfig, positions: readonly number[]) {
  const { head_dim: size, rope_theta: theta } = config;
  const half = size / 2;
  const cosines = new Float32Array(positions.length * size);
  const sines = new Float32Array(positions.length * size);
  for (const [row, position] of positions.entries()) {
    for (let i = 0; i < half; i++) {
      const angle = position / theta ** ((2 * i) / size);
      const at = row * size + i;
      cosines[at] = cosines[at + half] = Math.cos(angle);
      sines[at] = -Math.sin(angle); // (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin)
      sines[at + half] = Math.sin(angle);
    }
  }
  return { cosines, sines };
}

export type Rotation = { readonly cosines: Value; readonly sines: Value };

/** Turns each head by its position: x [batch, length, heads, d]; tables [1 or batch, length, 1, d]. */
export const rotate = (x: Value, { cosines, sines }: Rotation): Value =>
  add(multiply(x, cosines), multiply(swapHalves(x), sines));

/** [n, heads d] -> [batch, key-value heads, group length, d]: queries that share a key head stand in one matrix. */
export function groupQueries(
  queries: Value,
  config: LlamaConfig,
  { batch, length, rotation }: { batch: number; length: number; rotation: Rotation },
): Value {
  const { num_attention_heads: heads, num_key_value_heads: keyHeads, head_dim: d } = config;
  const group = heads / keyHeads;
  const turned = rotate(reshape(queries, [batch, length, heads, d]), rotation);
  const split = reshape(turned, [batch, length, keyHeads, group, d]);
  return reshape(transpose(split, [0, 2, 3, 1, 4]), [batch, keyHeads, group * length, d]);
}

/** Undoes `groupQueries` on attention's result: [batch, key-value heads, group length, d] -> [n, heads d]. */
export function ungroup(
  attended: Value,
  config: LlamaConfig,
  { batch, length }: { batch: number; length: number },
): Value {
  const { num_attention_heads: heads, num_key_value_heads: keyHeads, head_dim: d } = config;
  const split = reshape(attended, [batch, keyHeads, heads / keyHeads, length, d]);
  return reshape(transpose(split, [0, 3, 1, 2, 4]), [batch * length, heads * d]);
}

/** Attention over whole sequences, each token seeing itself and what stands before it. */
export function causalAttention(
  graph: Graph,
  config: LlamaConfig,
  { batch, length }: { readonly batch: number; readonly length: number },
): LlamaParts['attend'] {
  const { num_attention_heads: heads, num_key_value_heads: keyHeads, head_dim: d } = config;
  const group = heads / keyHeads;
  const { cosines, sines } = rotaryTables(config, [...Array(length).keys()]);
  const table = (data: Float32Array): Value => constant(graph, data, [1, length, 1, d]);
  const rotation = { cosines: table(cosines), sines: table(sines) };
  // Scaling the queries' tables by 1/sqrt(d) scales the scores without a pass of its own.
  const scaled = (data: Float32Array): Value => table(data.map((x) => x / Math.sqrt(d)));
  const queryRotation = { cosines: scaled(cosines), sines: scaled(sines) };
  const mask = constant(graph, causalMask(group, length), [1, 1, group * length, length]);

  return (_layer, queries, keys, values) => {
    const q = groupQueries(queries, config, { batch, length, rotation: queryRotation });
    const k = rotate(reshape(keys, [batch, length, keyHeads, d]), rotation);
    const v = reshape(values, [batch, length, keyHeads, d]);
    const scores = add(matmul(q, transpose(k, [0, 2, 3, 1])), mask); // [batch, key heads, group length, length]
    const attended = matmul(softmax(scores), transpose(v, [0, 2, 1, 3]));
    return ungroup(attended, config, { batch, length });
  };
}

/** What is added to a score that must not count: far below any real score, and finite. */
export const masked = -1e9;

/** [group length, length]: row (g, i) may see columns up to i. */
function causalMask(group: number, length: number): Float32Array {
  const mask = new Float32Array(group * length * length);
  for (let row = 0; row < group * length; row++) {
    mask.fill(masked, row * length + (row % length) + 1, (row + 1) * length);
  }
  return mask;
}
