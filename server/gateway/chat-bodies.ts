/** What OpenAI's clients may send to /v1/chat/completions and /v1/completions. */
import { idSchema, Sha256Hex, Units } from '@openledger/protocol';
import { z } from 'zod';
import type { GenerationRequest, Message, ResponseFormat, Tool, ToolChoice } from './request.ts';
import { DEFAULT_ROUTE, type Route } from './routing/plan.ts';

/** Names may contain `:`, `@` and `/`; control characters and lone surrogates name nothing. */
export const ModelName = z.string().regex(/^[^\p{Cc}\p{Cs}]{1,300}$/u, 'Not the name of a model.');

/** Fields that would change the answer, and that nobody here would heed, are refused rather than passed over. */
export const Unsupported = z.null({ error: 'Not supported here.' }).optional();
const Zero = z.literal(0, { error: 'Only 0 is supported here.' }).nullish();

/** A text, or parts that are texts. */
export const Content = z.union([
  z.string(),
  z
    .array(z.object({ type: z.literal('text'), text: z.string() }))
    .transform((parts) => parts.map((p) => p.text).join('')),
]);

export const StopText = z.string().min(1).max(1000);
export const ToolName = z.string().regex(/^[a-zA-Z0-9_.-]{1,128}$/, 'Not the name of a tool.');
/** An operator's own name of a call: opaque, and short. */
export const ToolCallId = z.string().min(1).max(200);
export const JsonObject = z.record(z.string(), z.unknown());

const FunctionCall = z.object({
  id: ToolCallId,
  type: z.literal('function'),
  function: z.object({ name: ToolName, arguments: z.string() }),
});

const ChatMessage = z.discriminatedUnion('role', [
  z.object({ role: z.enum(['system', 'developer', 'user']), content: Content }),
  z.object({
    role: z.literal('assistant'),
    content: Content.nullish(),
    tool_calls: z.array(FunctionCall).min(1).max(128).nullish(),
  }),
  z.object({ role: z.literal('tool'), content: Content, tool_call_id: ToolCallId }),
]);

const FunctionTool = z.object({
  type: z.literal('function'),
  function: z.object({
    name: ToolName,
    description: z.string().nullish(),
    parameters: JsonObject.nullish(),
    strict: z.boolean().nullish(),
  }),
});

const FunctionChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.object({ type: z.literal('function'), function: z.object({ name: ToolName }) }),
]);

const Format = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({
      name: ToolName,
      description: z.string().nullish(),
      schema: JsonObject.nullish(),
      strict: z.boolean().nullish(),
    }),
  }),
]);

const OperatorName = z.string().min(1).max(63);

/** Which of the operators of a model are asked, and in which order. */
export const RouteWish = z.object({
  by: z.enum(['weight', 'price', 'latency', 'stake']).default('weight'),
  /** Only these. */
  only: z.array(OperatorName).min(1).max(20).optional(),
  /** None of these. */
  without: z.array(OperatorName).max(20).default([]),
  /** How many attempts at most, retries included. */
  attempts: z.number().int().min(1).max(5).default(DEFAULT_ROUTE.attempts),
  /** Ask the next one beside the first, where that has said nothing for so long. */
  hedgeAfterMs: z.number().int().min(10).max(60_000).optional(),
});

/** Hashes of terms: an operator with others is not asked. */
export const TermsWish = z.array(Sha256Hex).min(1).max(100);

/** Ours, beside the fields that the surfaces have. */
export const Extension = z.object({
  /** Datanets to retrieve context from, by id. */
  datanets: z.array(idSchema('datanet')).max(8).default([]),
  /** Units that may be paid at most for reading what is retrieved, beside the call's price. */
  payUpTo: Units.default('0'),
  /** How many records to retrieve. */
  records: z.number().int().min(1).max(20).default(3),
  /** How many tokens (`words-1`) of them to put into the prompt at most. */
  tokens: z.number().int().min(1).max(1_000_000).default(8000),
  route: RouteWish.optional(),
  terms: TermsWish.optional(),
  /** Models to ask where nobody answers for the first, in this order; what is held covers the dearest. */
  fallbacks: z.array(ModelName).max(4).default([]),
  /** false: the answer is made anew, also where the cache has one. shared: given to and taken from others who say so. */
  cache: z.union([z.boolean(), z.literal('shared')]).default(true),
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
  messages: z.array(ChatMessage).min(1).max(2000),
  max_tokens: z.number().int().min(1).nullish(),
  max_completion_tokens: z.number().int().min(1).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.number().int().min(0).max(20).nullish(),
  response_format: Format.nullish(),
  modalities: z.tuple([z.literal('text')]).nullish(),
  tools: z.array(FunctionTool).max(128).nullish(),
  tool_choice: FunctionChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  functions: Unsupported,
  function_call: Unsupported,
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

export function fromChat(body: z.output<typeof ChatBody>): GenerationRequest {
  return {
    ...fromShared(body),
    kind: 'chat',
    messages: body.messages.map(messageFrom),
    tools: (body.tools ?? []).map((tool) => toolFrom(tool.function)),
    toolChoice: choiceFrom(flatChoice(body.tool_choice)),
    parallelToolCalls: body.parallel_tool_calls ?? undefined,
    responseFormat: formatFrom(flatFormat(body.response_format)),
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

function messageFrom(message: z.output<typeof ChatMessage>): Message {
  const { role, content } = message;
  if (role === 'tool') return { role, content, toolCallId: message.tool_call_id };
  if (role !== 'assistant' || !message.tool_calls) return { role, content: content ?? '' };
  const toolCalls = message.tool_calls.map((call) => ({ id: call.id, ...call.function }));
  return { role, content: content ?? '', toolCalls };
}

/** Without the members that are null. */
export const toolFrom = (tool: {
  readonly name: string;
  readonly description?: string | null;
  readonly parameters?: Record<string, unknown> | null;
  readonly strict?: boolean | null;
}): Tool => ({
  name: tool.name,
  description: tool.description ?? undefined,
  parameters: tool.parameters ?? undefined,
  strict: tool.strict ?? undefined,
});

/** This route alone says once more what it is that is chosen, and what is described. */
const flatChoice = (choice: z.output<typeof FunctionChoice> | null | undefined) =>
  typeof choice === 'object' && choice ? choice.function : choice;

const flatFormat = (format: z.output<typeof Format> | null | undefined) =>
  format?.type === 'json_schema' ? { type: format.type, ...format.json_schema } : format;

export const choiceFrom = (
  choice: Exclude<ToolChoice, object> | { readonly name: string } | null | undefined,
): ToolChoice | undefined =>
  typeof choice === 'object' && choice ? { name: choice.name } : (choice ?? undefined);

export function formatFrom(
  format:
    | { readonly type: 'text' }
    | { readonly type: 'json_object' }
    | {
        readonly type: 'json_schema';
        readonly name: string;
        readonly description?: string | null;
        readonly schema?: Record<string, unknown> | null;
        readonly strict?: boolean | null;
      }
    | null
    | undefined,
): ResponseFormat | undefined {
  if (!format || format.type === 'text') return undefined;
  if (format.type === 'json_object') return { type: 'json_object' };
  const { type, name, description, schema, strict } = format;
  return {
    ...{ type, name, description: description ?? undefined },
    ...{ schema: schema ?? undefined, strict: strict ?? undefined },
  };
}

export const routeFrom = (
  wish: Partial<Pick<z.output<typeof Extension>, 'route' | 'terms'>> | null | undefined,
): Route => ({
  ...{ ...DEFAULT_ROUTE, ...wish?.route },
  terms: wish?.terms,
});

type Shared = Pick<
  z.output<typeof ChatBody>,
  'model' | 'temperature' | 'top_p' | 'top_k' | 'seed' | 'stop' | 'openledger'
>;

/** What every surface has, and what most have not, left open. */
export const fromShared = (body: Shared) => ({
  model: body.model,
  ...{ tools: [], toolChoice: undefined, parallelToolCalls: undefined, responseFormat: undefined },
  temperature: body.temperature ?? undefined,
  topP: body.top_p ?? undefined,
  topK: body.top_k ?? undefined,
  seed: body.seed ?? undefined,
  stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []),
  context: {
    datanets: body.openledger?.datanets ?? [],
    records: body.openledger?.records ?? 3,
    tokens: body.openledger?.tokens ?? 8000,
    payUpTo: BigInt(body.openledger?.payUpTo ?? 0),
  },
  fallbacks: body.openledger?.fallbacks ?? [],
  route: routeFrom(body.openledger),
  cache: body.openledger?.cache ?? true,
  interpolate: body.openledger?.interpolate ?? true,
});
