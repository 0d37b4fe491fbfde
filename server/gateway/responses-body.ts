/**
 * What OpenAI's clients may send to /v1/responses: text, functions and their results, and forms of answers. Whatever else they send
 * is refused by its name: nobody here would heed it.
 */
import { z } from 'zod';
import {
  choiceFrom,
  Extension,
  formatFrom,
  fromShared,
  JsonObject,
  ModelName,
  ToolName,
  toolFrom,
  Unsupported,
} from './chat-bodies.ts';
import type { GenerationRequest, Message } from './request.ts';
import { messagesFrom, ResponsesInput } from './responses-input.ts';

const unsupported = { error: 'Not supported here.' };
const wholeConversation = 'Not supported here: send the whole conversation as input.';
const unsupportedConversation = z.null({ error: wholeConversation }).optional();

const FunctionTool = z
  .object({
    type: z.literal('function', { error: 'Only functions are supported here.' }),
    name: ToolName,
    description: z.string().nullish(),
    parameters: JsonObject.nullish(),
    strict: z.boolean().nullish(),
  })
  .catchall(Unsupported);

const Choice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.object({ type: z.literal('function'), name: ToolName }),
]);

const Format = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    name: ToolName,
    description: z.string().nullish(),
    schema: JsonObject,
    strict: z.boolean().nullish(),
  }),
]);

const Metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, 'More than 16 pairs.');

const Body = z.object({
  model: ModelName,
  input: ResponsesInput,
  instructions: z.string().nullish(),
  tools: z.array(FunctionTool).max(128).nullish(),
  tool_choice: Choice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  text: z
    .object({
      format: Format.nullish(),
      verbosity: z.literal('medium', { error: 'Only medium is supported here.' }).nullish(),
    })
    .catchall(Unsupported)
    .nullish(),
  max_output_tokens: z.number().int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_logprobs: z.number().int().min(0).max(20).nullish(),
  include: z.array(z.literal('message.output_text.logprobs', unsupported)).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .object({ include_obfuscation: z.literal(false, unsupported).nullish() })
    .nullish(),
  metadata: Metadata.nullish(),
  /** The record of a call is kept whatever this says: its receipt commits to it. */
  store: z.boolean().nullish(),
  truncation: z.literal('disabled', { error: 'Only disabled is supported here.' }).nullish(),
  reasoning: z.object({}).catchall(Unsupported).nullish(),
  background: z.literal(false, unsupported).nullish(),
  service_tier: z.enum(['auto', 'default'], unsupported).nullish(),
  previous_response_id: unsupportedConversation,
  conversation: unsupportedConversation,
  /** Names and hints, which change no answer. */
  user: z.string().max(1000).nullish(),
  safety_identifier: z.string().max(64).nullish(),
  prompt_cache_key: z.string().max(1000).nullish(),
  prompt_cache_retention: z.string().max(100).nullish(),
  openledger: Extension.nullish(),
});

export const ResponsesBody = Body.catchall(Unsupported).superRefine((body, { addIssue }) => {
  const complain = (path: (string | number)[], message: string) =>
    addIssue({ code: 'custom', path, message });
  const called = new Set<string>();
  for (const [at, item] of body.input.entries()) {
    if (item.type === 'function_call') called.add(item.call_id);
    if (item.type === 'function_call_output' && !called.has(item.call_id)) {
      complain(['input', at, 'call_id'], 'No function_call before it has this call_id.');
    }
  }
  const { tools, tool_choice: choice } = body;
  const offered = (tools ?? []).map(({ name }) => name);
  if (typeof choice === 'object' && choice && !offered.includes(choice.name)) {
    complain(['tool_choice', 'name'], 'No tool has this name.');
  }
  if (choice === 'required' && offered.length === 0)
    complain(['tool_choice'], 'There are no tools.');
});
export type ResponsesBody = z.output<typeof ResponsesBody>;

export function fromResponses(body: ResponsesBody): GenerationRequest {
  const { instructions } = body;
  const before: readonly Message[] = instructions
    ? [{ role: 'system', content: instructions }]
    : [];
  return {
    ...fromShared(body),
    kind: 'chat',
    messages: [...before, ...messagesFrom(body.input)],
    tools: (body.tools ?? []).map(toolFrom),
    toolChoice: choiceFrom(body.tool_choice),
    parallelToolCalls: body.parallel_tool_calls ?? undefined,
    responseFormat: formatFrom(body.text?.format),
    maxTokens: body.max_output_tokens ?? undefined,
    logprobs: logprobsFrom(body),
  };
}

/** Either field asks for them. */
const logprobsFrom = ({ include, top_logprobs: top }: ResponsesBody): number | undefined =>
  include && include.length > 0 ? (top ?? 0) : top || undefined;
