/** The architecture's numbers, in the words of Hugging Face's `config.json` for `LlamaForCausalLM`. */
import { OpenLedgerError } from '@openledger/protocol';
import { z } from 'zod';

const size = z.int().positive().max(1_048_576);
const token = z.int().nonnegative();

const schema = z
  .object({
    architectures: z.tuple([z.literal('LlamaForCausalLM')]),
    model_type: z.literal('llama'),
    vocab_size: size,
    hidden_size: size,
    intermediate_size: size,
    num_hidden_layers: size.max(1_024),
    num_attention_heads: size,
    num_key_value_heads: size,
    head_dim: size,
    max_position_embeddings: size,
    rms_norm_eps: z.number().positive(),
    rope_theta: z.number().positive(),
    rope_scaling: z.null().default(null),
    hidden_act: z.literal('silu'),
    attention_bias: z.literal(false).default(false),
    mlp_bias: z.literal(false).default(false),
    tie_word_embeddings: z.boolean(),
    bos_token_id: token.nullable(),
    eos_token_id: token.nullable(),
    torch_dtype: z.literal('float32'),
  })
  .refine((c) => c.num_attention_heads % c.num_key_value_heads === 0, {
    message: 'num_attention_heads must be a multiple of num_key_value_heads.',
  })
  .refine((c) => c.head_dim % 2 === 0, { message: 'Rotary positions need an even head_dim.' });

export type LlamaConfig = Readonly<z.infer<typeof schema>>;

/**
 * Reads a `config.json`; keys that do not change the computation are dropped.
 *
 * @throws invalid_input when the file describes an architecture this engine does not compute exactly
 */
export function parseLlamaConfig(json: unknown): LlamaConfig {
  const result = schema.safeParse(withDefaults(json));
  if (result.success) return result.data;
  throw new OpenLedgerError(
    'invalid_input',
    'This config.json is not a model the engine can run.',
    {
      issues: result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
    },
  );
}

/** Where newer files keep what older ones say in `rope_theta` and `rope_scaling`. */
const ropeParametersSchema = z.strictObject({
  rope_type: z.literal('default'),
  rope_theta: z.number(),
});

/** What a `config.json` may leave out, with the values that the format gives it then. */
function withDefaults(json: unknown): unknown {
  const given = z.record(z.string(), z.unknown()).safeParse(json);
  if (!given.success) return json;
  const { rope_parameters, ...config } = given.data;
  const rope = ropeParametersSchema.safeParse(rope_parameters);
  return {
    num_key_value_heads: config.num_attention_heads,
    head_dim: Number(config.hidden_size) / Number(config.num_attention_heads),
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    hidden_act: 'silu',
    tie_word_embeddings: false,
    bos_token_id: null,
    eos_token_id: null,
    torch_dtype: 'float32',
    ...config,
    ...(rope.success ? { rope_theta: rope.data.rope_theta } : {}),
    ...(rope_parameters !== undefined && !rope.success ? { rope_scaling: rope_parameters } : {}),
  };
}

/** What a small model chooses; the rest follows. */
export type LlamaDimensions = {
  readonly vocabularySize: number;
  readonly width: number;
  readonly feedForwardWidth: number;
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly context: number;
  readonly tiedEmbeddings: boolean;
  /** The token between documents: begins and ends every text. */
  readonly separator: number;
};

export const llamaConfig = (dimensions: LlamaDimensions): LlamaConfig =>
  parseLlamaConfig({
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: dimensions.vocabularySize,
    hidden_size: dimensions.width,
    intermediate_size: dimensions.feedForwardWidth,
    num_hidden_layers: dimensions.layers,
    num_attention_heads: dimensions.heads,
    num_key_value_heads: dimensions.keyValueHeads,
    max_position_embeddings: dimensions.context,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    tie_word_embeddings: dimensions.tiedEmbeddings,
    bos_token_id: dimensions.separator,
    eos_token_id: dimensions.separator,
    torch_dtype: 'float32',
  });
