/** The input of /v1/responses: a text, or the items of a conversation, and the messages that they are. */
import { z } from 'zod';
import { ToolCallId, ToolName, Unsupported } from './chat-bodies.ts';
import type { Message } from './request.ts';

const unsupported = { error: 'Not supported here.' };

/** What would be read as a list of one; errors then name the part that is wrong. */
const listFrom = (one: (text: string) => object) => (value: unknown) =>
  typeof value === 'string' ? [one(value)] : value;

/** A text, or parts that are texts. */
const Texts = z.preprocess(
  listFrom((text) => ({ type: 'input_text', text })),
  z
    .array(z.object({ type: z.enum(['input_text', 'output_text'], unsupported), text: z.string() }))
    .transform((parts) => parts.map(({ text }) => text).join('')),
);

const InputItem = z.discriminatedUnion(
  'type',
  [
    z.object({
      type: z.literal('message'),
      role: z.enum(['system', 'developer', 'user', 'assistant']),
      content: Texts,
    }),
    z.object({
      type: z.literal('function_call'),
      ...{ call_id: ToolCallId, name: ToolName, arguments: z.string() },
      namespace: Unsupported,
    }),
    z.object({ type: z.literal('function_call_output'), call_id: ToolCallId, output: Texts }),
  ],
  unsupported,
);
type InputItem = z.output<typeof InputItem>;

/** A message may leave its type out. */
const asItem = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !('type' in value)
    ? { ...value, type: 'message' }
    : value;

/** A text is a user's message. */
export const ResponsesInput = z.preprocess(
  listFrom((content) => ({ role: 'user', content })),
  z.array(z.preprocess(asItem, InputItem)).min(1).max(2000),
);

/** What a model said in one turn comes as items; a message has it together: text and calls, and all calls before their results. */
export function messagesFrom(items: readonly InputItem[]): readonly Message[] {
  const messages: Message[] = [];
  for (const message of items.map(messageFrom)) {
    const last = messages.at(-1);
    if (last && isSameTurn(last, message)) messages[messages.length - 1] = joined(last, message);
    else messages.push(message);
  }
  return messages;
}

function messageFrom(item: InputItem): Message {
  if (item.type === 'message') return { role: item.role, content: item.content };
  const { call_id: id } = item;
  if (item.type === 'function_call_output') {
    return { role: 'tool', content: item.output, toolCallId: id };
  }
  const { name, arguments: written } = item;
  return { role: 'assistant', content: '', toolCalls: [{ id, name, arguments: written }] };
}

const isSameTurn = (last: Message, next: Message): boolean =>
  last.role === 'assistant' &&
  next.role === 'assistant' &&
  (last.toolCalls !== undefined || next.toolCalls !== undefined);

const joined = (last: Message, next: Message): Message => ({
  role: 'assistant',
  content: [last.content, next.content].filter((text) => text !== '').join('\n\n'),
  toolCalls: [...(last.toolCalls ?? []), ...(next.toolCalls ?? [])],
});
