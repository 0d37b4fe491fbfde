import { OpenLedgerError } from '@openledger/protocol';
import { expect, test } from 'vitest';
import { parseLlamaConfig } from './llama-config.ts';
import { createScorer } from './score.ts';
import { tinyConfig, tinyModel } from './tiny.ts';
import type { Model } from './weights.ts';

/** Llama as loops over numbers, as `LlamaForCausalLM` defines it; returns log-probabilities [tokens - 1]. */
function slowLogLikelihoods({ config, weights }: Model, tokens: readonly number[]): number[] {
  const weight = (name: string) => weights.get(`${name}.weight`)!;
  const dense = (x: number[], name: string): number[] => {
    const { shape, data } = weight(name);
    return Array.from({ length: shape[0] }, (_, o) =>
      x.reduce((sum, value, i) => sum + value * data[o * shape[1] + i], 0),
    );
  };
  const norm = (x: number[], name: string): number[] => {
    const root = Math.sqrt(x.reduce((s, v) => s + v * v, 0) / x.length + config.rms_norm_eps);
    return x.map((value, i) => (value / root) * weight(name).data[i]);
  };
  const softmax = (x: number[]): number[] => {
    const e = x.map((value) => Math.exp(value - Math.max(...x)));
    const total = e.reduce((a, b) => a + b, 0);
    return e.map((value) => value / total);
  };
  const d = config.head_dim;
  const rotary = (x: number[], position: number): number[] =>
    x.map((value, at) => {
      const i = at % d;
      const angle = position / config.rope_theta ** ((2 * (i % (d / 2))) / d);
      const partner = i < d / 2 ? -x[at + d / 2] : x[at - d / 2];
      return value * Math.cos(angle) + partner * Math.sin(angle);
    });

  const width = config.hidden_size;
  const table = weight('model.embed_tokens').data;
  let hidden = tokens.map((token) => [...table.subarray(token * width, (token + 1) * width)]);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const name = `model.layers.${layer}`;
    const inputs = hidden.map((x) => norm(x, `${name}.input_layernorm`));
    const q = inputs.map((x, i) => rotary(dense(x, `${name}.self_attn.q_proj`), i));
    const k = inputs.map((x, i) => rotary(dense(x, `${name}.self_attn.k_proj`), i));
    const v = inputs.map((x) => dense(x, `${name}.self_attn.v_proj`));
    const group = config.num_attention_heads / config.num_key_value_heads;
    hidden = hidden.map((x, t) => {
      const heads: number[] = [];
      for (let head = 0; head < config.num_attention_heads; head++) {
        const shared = Math.floor(head / group) * d;
        const scores = k.slice(0, t + 1).map((key) => {
          let score = 0;
          for (let i = 0; i < d; i++) score += q[t][head * d + i] * key[shared + i];
          return score / Math.sqrt(d);
        });
        const p = softmax(scores);
        for (let i = 0; i < d; i++) {
          heads.push(p.reduce((sum, weight, s) => sum + weight * v[s][shared + i], 0));
        }
      }
      const o = dense(heads, `${name}.self_attn.o_proj`);
      return x.map((value, i) => value + o[i]);
    });
    hidden = hidden.map((x) => {
      const y = norm(x, `${name}.post_attention_layernorm`);
      const up = dense(y, `${name}.mlp.up_proj`);
      const inner = dense(y, `${name}.mlp.gate_proj`).map(
        (g, i) => (g / (1 + Math.exp(-g))) * up[i],
      );
      const down = dense(inner, `${name}.mlp.down_proj`);
      return x.map((value, i) => value + down[i]);
    });
  }
  return tokens.slice(1).map((target, t) => {
    const p = softmax(dense(norm(hidden[t], 'model.norm'), 'lm_head'));
    return Math.log(p[target]);
  });
}

test('computes what the architecture says, one number at a time', async () => {
  const model = tinyModel(1);
  const sequences = [
    [1, 5, 9, 30, 2, 2, 7, 11, 0, 3],
    [4, 4, 8],
  ];
  const scorer = await createScorer(tinyConfig, { batch: 2, context: 16, threads: 1 });
  const scores = await scorer.logLikelihoods(model.weights, sequences);
  await scorer.release();
  for (const [row, sequence] of sequences.entries()) {
    const slow = slowLogLikelihoods(model, sequence);
    expect(scores[row]).toHaveLength(slow.length);
    for (const [i, expected] of slow.entries()) expect(scores[row][i]).toBeCloseTo(expected, 3);
  }
});

test('reads a config.json, and refuses architectures it would compute wrongly', () => {
  expect(parseLlamaConfig({ ...tinyConfig, initializer_range: 0.02 })).toEqual(tinyConfig);
  const { rope_theta, torch_dtype, ...newer } = tinyConfig;
  const rope_parameters = { rope_type: 'default', rope_theta };
  expect(parseLlamaConfig({ ...newer, rope_parameters, dtype: torch_dtype })).toEqual(tinyConfig);
  for (const wrong of [
    null,
    { ...newer, rope_parameters: { rope_type: 'yarn', rope_theta, factor: 2 } },
    { ...tinyConfig, architectures: ['MistralForCausalLM'] },
    { ...tinyConfig, rope_scaling: { type: 'linear', factor: 2 } },
    { ...tinyConfig, attention_bias: true },
    { ...tinyConfig, hidden_act: 'gelu' },
    { ...tinyConfig, num_key_value_heads: 3 },
    { ...tinyConfig, head_dim: 3 },
    { ...tinyConfig, vocab_size: -1 },
  ]) {
    expect(() => parseLlamaConfig(wrong)).toThrow(OpenLedgerError);
  }
});
