/** What a client may ask of /v1, and the one shape that the rest of the gateway works on. */
import { type Id, idSchema, Units } from '@openledger/protocol';
import { z } from 'zod';

/** Names may contain `:`, `@` and `/`; control characters and lone surrogates name nothing. */
export const ModelName = z.string().regex(/^[^\p{Cc}\p{Cs}]{1,300}$/u, 'Not the name of a model.');

/** Fields that would change the answer, and that nobody here would heed, are refused rather than passed over. */
const Unsupported = z.null({ error: 'Not supported here.' }).optional();
const Zero = z.literal(0, { error: 'Only 0 is supported here.' }).nullish();

const Content = z.union([
  z.string(),
  z
    .array(z.object({ type: z.literal('text'), text: z.string() }))
    .transform((parts) => parts.map((p) => p.text).join('')),
]);

const Message = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: Content.nullish().transform((content) => content ?? ''),
});

const StopText = z.string().min(1).max(1000);

/** Ours, beside OpenAI's fields. */
const Extension = z.object({
  /** Datanets to retrieve context from, by id. */
  datanets: z.array(idSchema('datanet')).max(8).default([]),
  /** Units that may be paid at most for reading what is retrieved, beside the call's price. */
  payUpTo: Units.default('0'),
  /** How many records to retrieve. */
  records: z.number().int().min(1).max(20).default(3),
  /** false: the answer is made anew, also where the cache has one. */
  cache: z.boolean().default(true),
  /** false: a local model answers bare, without its infinity-gram (to see what that adds). */
  interpolate: z.boolean().default(true),
});

const shared = {
  model: ModelName,
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z.number().int().min(1).nullish(),
  seed: z.number().int().nullish(),
  stop: z.union([StopText, z.array(StopText).max(4)]).nullish(),
  n: z.literal(1).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  presence_penalty: Zero,
  frequency_penalty: Zero,
  logit_bias: Unsupported,
  openledger: Extension.nullish(),
};

export const ChatBody = z.object({
  ...shared,
  messages: z.array(Message).min(1).max(2000),
  max_tokens: z.number().int().min(1).nullish(),
  max_completion_tokens: z.number().int().min(1).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.number().int().min(0).max(20).nullish(),
  response_format: z.object({ type: z.literal('text') }).nullish(),
  modalities: z.tuple([z.literal('text')]).nullish(),
  tools: Unsupported,
  functions: Unsupported,
  audio: Unsupported,
});

export const CompletionBody = z.object({
  ...shared,
  prompt: z.union([z.string(), z.array(z.string()).length(1)]),
  max_tokens: z.number().int().min(1).nullish(),
  logprobs: z.number().int().min(0).max(5).nullish(),
  echo: z.literal(false).nullish(),
  best_of: z.literal(1).nullish(),
  suffix: Unsupported,
});

/** Anthropic's messages, as far as they are text. */
export const MessagesBody = z.object({
  model: ModelName,
  max_tokens: z.number().int().min(1),
  system: Content.nullish(),
  messages: z
    .array(z.object({ role: z.enum(['user', 'assistant']), content: Content }))
    .min(1)
    .max(2000),
  temperature: z.number().min(0).max(1).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z.number().int().min(1).nullish(),
  stop_sequences: z.array(StopText).max(4).nullish(),
  stream: z.boolean().nullish(),
  tools: z.array(z.never({ error: 'Not supported here.' })).nullish(),
  tool_choice: Unsupported,
  thinking: z.object({ type: z.literal('disabled', { error: 'Not supported here.' }) }).nullish(),
  openledger: Extension.nullish(),
});

type ChatMessage = z.output<typeof Message>;

/** A generation to be served, whatever route it came by. */
export type GenerationRequest = {
  readonly kind: 'chat' | 'completion';
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly maxTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly topK: number | undefined;
  readonly seed: number | undefined;
  readonly stop: readonly string[];
  /** How many alternatives to report beside each token; undefined = no log-probabilities. */
  readonly logprobs: number | undefined;
  readonly context: {
    readonly datanets: readonly Id<'datanet'>[];
    readonly records: number;
    readonly payUpTo: bigint;
  };
  /** Whether an answer that was given before will do. */
  readonly cache: boolean;
  readonly interpolate: boolean;
};

export function fromChat(body: z.output<typeof ChatBody>): GenerationRequest {
  return {
    ...fromShared(body),
    kind: 'chat',
    messages: body.messages,
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    logprobs: body.logprobs ? (body.top_logprobs ?? 0) : undefined,
  };
}

export function fromCompletion(body: z.output<typeof CompletionBody>): GenerationRequest {
  const prompt = typeof body.prompt === 'string' ? body.prompt : body.prompt[0];
  return {
    ...fromShared(body),
    kind: 'completion',
    messages: [{ role: 'user', content: prompt }],
    maxTokens: body.max_tokens ?? 16,
    logprobs: body.logprobs ?? undefined,
  };
}

export function fromMessages(body: z.output<typeof MessagesBody>): GenerationRequest {
  const { system, messages, stop_sequences, ...rest } = body;
  return {
    ...fromShared({ ...rest, stop: stop_sequences, seed: undefined }),
    kind: 'chat',
    messages: [...(system ? [{ role: 'system' as const, content: system }] : []), ...messages],
    maxTokens: body.max_tokens,
    logprobs: undefined,
  };
}

type Shared = Pick<
  z.output<typeof ChatBody>,
  'model' | 'temperature' | 'top_p' | 'top_k' | 'seed' | 'stop' | 'openledger'
>;

const fromShared = (body: Shared) => ({
  model: body.model,
  temperature: body.temperature ?? undefined,
  topP: body.top_p ?? undefined,
  topK: body.top_k ?? undefined,
  seed: body.seed ?? undefined,
  stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []),
  context: {
    datanets: body.openledger?.datanets ?? [],
    records: body.openledger?.records ?? 3,
    payUpTo: BigInt(body.openledger?.payUpTo ?? 0),
  },
  cache: body.openledger?.cache ?? true,
  interpolate: body.openledger?.interpolate ?? true,
});
