/** The events by which OpenAI's clients see an output item begin, grow and end. */
import type { ContentEvent } from '../gateway/index.ts';
import { tokenLogprobs } from './openai-shapes.ts';
import { type Item, itemId, itemObject, type ResponseCall, textPart } from './response-object.ts';

/** Its number in the stream is given when it is sent. */
export type ResponseEvent = { readonly type: string } & Readonly<Record<string, unknown>>;

/** @param item as it is before its first piece @param at its place in the output */
export function beginning(call: ResponseCall, item: Item, at: number): readonly ResponseEvent[] {
  const added = {
    type: 'response.output_item.added',
    ...{ output_index: at, item: itemObject(call, item, 'in_progress') },
  };
  if (item.kind === 'tool_call') return [added];
  const part = textPart(item);
  return [added, { type: 'response.content_part.added', ...partOf(call, item, at), part }];
}

export function delta(
  call: ResponseCall,
  item: Item,
  { event, at }: { readonly event: ContentEvent; readonly at: number },
): readonly ResponseEvent[] {
  if (event.kind === 'text') {
    const logprobs = tokenLogprobs(event.logprobs);
    const place = partOf(call, item, at);
    return [{ type: 'response.output_text.delta', ...place, delta: event.text, logprobs }];
  }
  if (event.arguments === '') return [];
  const type = 'response.function_call_arguments.delta';
  return [{ type, ...placeOf(call, item, at), delta: event.arguments }];
}

/** @param object the item as the response has it */
export function ending(
  call: ResponseCall,
  item: Item,
  { object, at }: { readonly object: object; readonly at: number },
): readonly ResponseEvent[] {
  const done = { type: 'response.output_item.done', output_index: at, item: object };
  if (item.kind === 'tool_call') {
    const { name, arguments: written } = item.call;
    const type = 'response.function_call_arguments.done';
    return [{ type, ...placeOf(call, item, at), name, arguments: written }, done];
  }
  const part = textPart(item);
  const { text, logprobs } = part;
  const place = partOf(call, item, at);
  return [
    { type: 'response.output_text.done', ...place, text, logprobs },
    { type: 'response.content_part.done', ...place, part },
    done,
  ];
}

const placeOf = (call: ResponseCall, item: Item, at: number) => ({
  ...{ item_id: itemId(call, item), output_index: at },
});

/** A message has one part. */
const partOf = (call: ResponseCall, item: Item, at: number) => ({
  ...placeOf(call, item, at),
  content_index: 0,
});
