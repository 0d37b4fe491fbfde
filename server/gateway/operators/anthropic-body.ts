/** A generation as Anthropic's Messages API is asked for it. Pure. */
import { OpenLedgerError } from '@openledger/protocol';
import { contextMessage } from '../context.ts';
import type { GenerationRequest, Message, Tool } from '../request.ts';
import { toolInputOf } from '../tool-input.ts';
import type { Generation } from './operator.ts';

/** @throws unprocessable when the request asks for what this API has no words for */
export function anthropicBody({
  model,
  request,
  maxTokens,
  retrieved,
}: Omit<Generation, 'signal' | 'stream'>): object {
  assertHeeded(request);
  const system = systemOf(request.messages, contextMessage(retrieved));
  const turns = turnsOf(request.messages);
  if (turns.length === 0) throw refusal(request, 'needs a message that is not empty');
  return {
    ...{ model, max_tokens: maxTokens, messages: turns },
    system: system.length > 0 ? system : undefined,
    ...toolsOf(request),
    output_config: outputOf(request),
    stop_sequences: request.stop.length > 0 ? request.stop : undefined,
    temperature: request.temperature,
    top_p: request.topP,
    top_k: request.topK,
  };
}

function assertHeeded(request: GenerationRequest): void {
  const { temperature, seed, logprobs, responseFormat, stop, tools } = request;
  if (temperature !== undefined && temperature > 1) {
    throw refusal(request, 'takes temperatures up to 1');
  }
  if (seed !== undefined) throw refusal(request, 'takes no seed');
  if (logprobs !== undefined) throw refusal(request, 'tells no log-probabilities');
  if (responseFormat && !(responseFormat.type === 'json_schema' && responseFormat.schema)) {
    throw refusal(request, 'gives JSON by a schema only');
  }
  if (stop.some((text) => text.trim() === '')) {
    throw refusal(request, 'takes no stop sequence of white space alone');
  }
  const odd = tools.find(({ name }) => !/^[a-zA-Z0-9_-]+$/.test(name));
  if (odd) throw refusal(request, `takes no tool with a name like ${odd.name}`);
}

const refusal = ({ model }: GenerationRequest, why: string): OpenLedgerError =>
  new OpenLedgerError(
    'unprocessable',
    `${model} is served in the words of Anthropic's API, which ${why}.`,
  );

type Block = { readonly type: string } & Readonly<Record<string, unknown>>;

/** Empty ones are left out: the API refuses them. */
const textBlock = (text: string): readonly Block[] =>
  text.trim() === '' ? [] : [{ type: 'text', text }];

/** The context first, then what system and developer said, wherever in the conversation they said it. */
const systemOf = (messages: readonly Message[], context: string | undefined): readonly Block[] =>
  [context ?? '', ...messages.filter(isSystem).map(({ content }) => content)].flatMap(textBlock);

const isSystem = ({ role }: Message): boolean => role === 'system' || role === 'developer';

type Turn = { readonly role: 'user' | 'assistant'; readonly content: Block[] };

/** User and assistant take turns: what one of them said in several messages becomes one. */
function turnsOf(messages: readonly Message[]): readonly Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    if (isSystem(message)) continue;
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const blocks = blocksOf(message);
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else if (blocks.length > 0) turns.push({ role, content: [...blocks] });
  }
  return turns;
}

function blocksOf({ content, toolCalls = [], toolCallId, isError }: Message): readonly Block[] {
  if (toolCallId !== undefined) {
    const result = { tool_use_id: wireId(toolCallId), content: content || undefined };
    return [{ type: 'tool_result', ...result, is_error: isError }];
  }
  return [
    ...textBlock(content),
    ...toolCalls.map((call) => ({
      ...{ type: 'tool_use', id: wireId(call.id), name: call.name },
      input: toolInputOf(call.arguments),
    })),
  ];
}

/** Other operators put signs into their ids that this API refuses; in a call and its result they are replaced alike. */
const wireId = (id: string): string => id.replace(/[^a-zA-Z0-9_-]/g, '_');

const toolsOf = (request: GenerationRequest): object =>
  request.tools.length === 0
    ? {}
    : { tools: request.tools.map(wireTool), tool_choice: choiceOf(request) };

const wireTool = ({ name, description, parameters, strict }: Tool) => ({
  ...{ name, description, strict },
  input_schema: { type: 'object', ...parameters },
});

function choiceOf({ toolChoice, parallelToolCalls }: GenerationRequest): object | undefined {
  if (toolChoice === 'none') return { type: 'none' };
  const disable_parallel_tool_use =
    parallelToolCalls === undefined ? undefined : !parallelToolCalls;
  if (typeof toolChoice === 'object') {
    return { type: 'tool', name: toolChoice.name, disable_parallel_tool_use };
  }
  if (toolChoice === undefined && disable_parallel_tool_use === undefined) return undefined;
  return { type: toolChoice === 'required' ? 'any' : 'auto', disable_parallel_tool_use };
}

/** A schema has a name and a description elsewhere; here it only has a description, inside. */
function outputOf({ responseFormat: format }: GenerationRequest): object | undefined {
  if (format?.type !== 'json_schema') return undefined;
  const { description } = format;
  const schema = { ...(description === undefined ? {} : { description }), ...format.schema };
  return { format: { type: 'json_schema', schema } };
}
