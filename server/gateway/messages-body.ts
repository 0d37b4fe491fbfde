/** What Anthropic's clients may send to /v1/messages, and to /v1/messages/count_tokens. */
import { z } from 'zod';
import {
  Content,
  Extension,
  fromShared,
  JsonObject,
  ModelName,
  StopText,
  ToolCallId,
  ToolName,
  toolFrom,
  Unsupported,
} from './chat-bodies.ts';
import type { GenerationRequest, Message, ResponseFormat, ToolChoice } from './request.ts';

const NOT_HERE = 'Not supported here.';

const TextBlock = z.object({ type: z.literal('text'), text: z.string() });

const ToolUseBlock = z.object({
  ...{ type: z.literal('tool_use'), id: ToolCallId, name: ToolName },
  input: JsonObject,
});

const ToolResultBlock = z.object({
  ...{ type: z.literal('tool_result'), tool_use_id: ToolCallId },
  content: Content.nullish(),
  is_error: z.boolean().nullish(),
});

/** A text alone is one block of it. */
const blocks = <Block extends z.ZodType>(block: Block) =>
  z.preprocess(
    (content) => (typeof content === 'string' ? [{ type: 'text', text: content }] : content),
    z.array(block),
  );

const AnthropicMessage = z.discriminatedUnion('role', [
  z.object({
    role: z.literal('user'),
    content: blocks(
      z.discriminatedUnion('type', [TextBlock, ToolResultBlock], {
        error: 'Only blocks of the types text and tool_result are supported here.',
      }),
    ),
  }),
  z.object({
    role: z.literal('assistant'),
    content: blocks(
      z.discriminatedUnion('type', [TextBlock, ToolUseBlock], {
        error: 'Only blocks of the types text and tool_use are supported here.',
      }),
    ),
  }),
  z.object({ role: z.literal('system'), content: Content }),
]);

const AnthropicTool = z.object({
  type: z.literal('custom', { error: 'Only tools of the client are supported here.' }).nullish(),
  ...{ name: ToolName, description: z.string().nullish(), input_schema: JsonObject },
  strict: z.boolean().nullish(),
  input_examples: Unsupported,
  defer_loading: z.literal(false, { error: NOT_HERE }).nullish(),
});

const disable_parallel_tool_use = z.boolean().nullish();

const AnthropicChoice = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['auto', 'any']), disable_parallel_tool_use }),
  z.object({ type: z.literal('tool'), name: ToolName, disable_parallel_tool_use }),
  z.object({ type: z.literal('none') }),
]);

const JsonFormat = z.object({ type: z.literal('json_schema'), schema: JsonObject });

/** What says what is to be read. */
const prompt = {
  model: ModelName,
  system: Content.nullish(),
  messages: z.array(AnthropicMessage).min(1).max(2000),
  tools: z.array(AnthropicTool).max(128).nullish(),
  tool_choice: AnthropicChoice.nullish(),
  output_config: z.object({ format: JsonFormat.nullish(), effort: Unsupported }).nullish(),
  thinking: z.object({ type: z.literal('disabled', { error: NOT_HERE }) }).nullish(),
  mcp_servers: Unsupported,
  container: Unsupported,
  inference_geo: Unsupported,
  context_management: Unsupported,
  openledger: Extension.nullish(),
};

export const CountBody = z.object(prompt).superRefine(refuseMisfits);

export const MessagesBody = z
  .object({
    ...prompt,
    max_tokens: z.number().int().min(1),
    temperature: z.number().min(0).max(1).nullish(),
    top_p: z.number().gt(0).max(1).nullish(),
    top_k: z.number().int().min(1).nullish(),
    stop_sequences: z.array(StopText).max(4).nullish(),
    stream: z.boolean().nullish(),
  })
  .superRefine(refuseMisfits);

export function fromMessages(
  body: z.output<typeof CountBody> & Partial<z.output<typeof MessagesBody>>,
): GenerationRequest {
  const { system, messages, stop_sequences, ...rest } = body;
  return {
    ...fromShared({ ...rest, stop: stop_sequences, seed: undefined }),
    kind: 'chat',
    messages: [
      ...(system ? [{ role: 'system' as const, content: system }] : []),
      ...messages.flatMap(messagesFrom),
    ],
    tools: (body.tools ?? []).map(({ input_schema, ...tool }) =>
      toolFrom({ ...tool, parameters: input_schema }),
    ),
    ...choiceFrom(body.tool_choice),
    responseFormat: formatFrom(body.output_config?.format),
    maxTokens: body.max_tokens,
    logprobs: undefined,
  };
}

/** What does not hang together is refused at the door, where it can be told by name; an operator would only say no. */
function refuseMisfits(
  { messages, tools, tool_choice: choice }: Pick<z.output<typeof CountBody>, keyof typeof prompt>,
  context: z.RefinementCtx,
): void {
  const refuse = (path: (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path, message });
  let called = new Set<string>();
  let before: string | undefined;
  for (const [at, message] of messages.entries()) {
    if (message.role === 'assistant') {
      const ids = message.content.flatMap((block) => (block.type === 'tool_use' ? [block.id] : []));
      called = new Set(before === 'assistant' ? [...called, ...ids] : ids);
    } else if (message.role === 'user') {
      const stray = message.content.find(
        (block) => block.type === 'tool_result' && !called.has(block.tool_use_id),
      );
      if (stray) refuse(['messages', at, 'content'], 'A result of a tool that was not called.');
    }
    before = message.role;
  }
  if (choice?.type === 'tool' && !tools?.some(({ name }) => name === choice.name)) {
    refuse(['tool_choice', 'name'], 'None of the tools.');
  }
}

/** A message's blocks in the order that models' templates have: results of tools before what is said about them. */
function messagesFrom(message: z.output<typeof AnthropicMessage>): readonly Message[] {
  const { role } = message;
  if (role === 'system') return [{ role, content: message.content }];
  if (role === 'assistant') {
    const toolCalls = message.content.flatMap((block) =>
      block.type === 'tool_use' ? [block] : [],
    );
    const content = textOf(message.content);
    if (toolCalls.length === 0) return [{ role, content }];
    return [{ role, content, toolCalls: toolCalls.map(callFrom) }];
  }
  const results = message.content.flatMap((block) => (block.type === 'tool_result' ? [block] : []));
  const hasText = message.content.length > results.length || results.length === 0;
  return [
    ...results.map(resultFrom),
    ...(hasText ? [{ role, content: textOf(message.content) }] : []),
  ];
}

const textOf = (content: readonly ({ type: string } | z.output<typeof TextBlock>)[]): string =>
  content.map((block) => ('text' in block ? block.text : '')).join('');

const callFrom = ({ id, name, input }: z.output<typeof ToolUseBlock>) => ({
  ...{ id, name, arguments: JSON.stringify(input) },
});

const resultFrom = ({
  tool_use_id: toolCallId,
  content,
  is_error,
}: z.output<typeof ToolResultBlock>): Message => ({
  ...{ role: 'tool', toolCallId, content: content ?? '' },
  ...(is_error ? { isError: true } : {}),
});

const WAYS = { auto: 'auto', any: 'required', none: 'none' } as const;

function choiceFrom(choice: z.output<typeof AnthropicChoice> | null | undefined): {
  readonly toolChoice: ToolChoice | undefined;
  readonly parallelToolCalls: boolean | undefined;
} {
  if (!choice) return { toolChoice: undefined, parallelToolCalls: undefined };
  const isAlone = choice.type === 'none' ? undefined : choice.disable_parallel_tool_use;
  return {
    toolChoice: choice.type === 'tool' ? { name: choice.name } : WAYS[choice.type],
    parallelToolCalls: isAlone == null ? undefined : !isAlone,
  };
}

/** A form has no name in Anthropic's words, and needs one in others'. */
const formatFrom = (
  format: z.output<typeof JsonFormat> | null | undefined,
): ResponseFormat | undefined =>
  format ? { type: 'json_schema', name: 'answer', schema: format.schema } : undefined;
