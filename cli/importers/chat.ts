/** Conversations as OpenAI's chat API and fine-tuning files write them: one record a conversation. */
import { basename } from 'node:path';
import { type Draft, OpenLedgerError } from '@openledger/sdk';
import { z } from 'zod';
import { jsonLines } from './json-lines.ts';
import type { RowOptions } from './problem.ts';
import { toDraft } from './to-draft.ts';

const Part = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  refusal: z.string().optional(),
});
const ToolCall = z.looseObject({
  function: z.looseObject({ name: z.string(), arguments: z.string() }),
});
const Message = z.looseObject({
  role: z.string().regex(/^[a-z_]{1,40}$/, 'Expected the name of a role.'),
  name: z.string().optional(),
  content: z.union([z.string(), z.array(Part)]).nullish(),
  refusal: z.string().nullish(),
  tool_calls: z.array(ToolCall).nullish(),
});
type Message = z.output<typeof Message>;
const Conversation = z.looseObject({
  messages: z.array(Message).min(1),
  metadata: z.looseObject({}).optional(),
});

/**
 * Reads `{ messages: [{ role, content, tool_calls? }], licence?, contributors?, ... }` a line.
 *
 * Each message becomes its role with a colon on a line of its own, then what was said; an empty line stands between two.
 * A call of a tool is the line `calls name {...}`, its arguments without white space. The roles stand in the metadata in
 * their order. A message that holds anything but text is a problem of its line.
 */
export async function* chatDrafts(
  path: string,
  { onProblem, ...columns }: RowOptions = {},
): AsyncGenerator<Draft> {
  const name = basename(path);
  const read = (value: unknown, line: number) =>
    toDraft(toRow(value), {
      ...columns,
      textColumn: 'text',
      source: { kind: 'chat', path: name, line },
    });
  yield* jsonLines({ path, name }, read, onProblem);
}

/** A row whose text is the conversation. @throws invalid_input where it is none, or not of text alone */
export function toRow(value: unknown): Readonly<Record<string, unknown>> {
  const parsed = Conversation.safeParse(value);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    throw new OpenLedgerError('invalid_input', `${path.join('.') || 'The line'}: ${message}`);
  }
  const { messages, metadata, ...rest } = parsed.data;
  const roles = messages.map(({ role }) => role);
  const text = `${messages.map(said).join('\n\n')}\n`;
  return { ...rest, text, metadata: { ...metadata, roles } };
}

function said(message: Message, index: number): string {
  const { role, name, content, refusal, tool_calls: calls } = message;
  const spoken = typeof content === 'string' ? [content] : (content ?? []).map(textOf(index));
  const lines = [
    ...[...spoken, refusal ?? ''].map((text) => text.replaceAll('\r\n', '\n').trim()),
    ...(calls ?? []).map(
      ({ function: called }) => `calls ${called.name} ${plain(called.arguments)}`,
    ),
  ].filter((line) => line !== '');
  return [name === undefined ? `${role}:` : `${role} ${name}:`, ...lines].join('\n');
}

const textOf =
  (index: number) =>
  (part: z.output<typeof Part>): string => {
    const text = part.type === 'refusal' ? part.refusal : part.text;
    if (text !== undefined) return text;
    const at = `messages.${index}.content`;
    throw new OpenLedgerError('invalid_input', `${at}: It holds ${part.type}; only text is read.`);
  };

/** Arguments are JSON that a model wrote: it need not be any. */
function plain(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json));
  } catch {
    return json.trim();
  }
}
