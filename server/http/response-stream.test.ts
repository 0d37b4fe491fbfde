import fc from 'fast-check';
import type OpenAI from 'openai';
import { expect, test } from 'vitest';
import { assertValid } from '../../test/harness/openai-surface.ts';
import { type ContentEvent, ResponsesBody, type Serving } from '../gateway/index.ts';
import { silentLog } from '../platform/log.ts';
import { responsesWording } from './responses.ts';

type Event = OpenAI.Responses.ResponseStreamEvent;

const serving: Serving = {
  ...{ inferenceId: 'inf_00000000000070008000000000000001', createdAt: new Date(0), model: 'm' },
  ...{
    operator: 'o',
    rates: undefined,
    promptTokens: 1,
    retrieved: [],
    cachedFrom: undefined,
    leave: async () => {},
  },
  events: (async function* () {})(),
};

const wording = responsesWording(ResponsesBody.parse({ model: 'm', input: 'x' }), silentLog);

/** Text and pieces of calls in any order; a call is begun by the number after the last. */
const Pieces = fc
  .array(fc.record({ call: fc.option(fc.nat(3)), text: fc.string({ unit: 'binary' }) }), {
    maxLength: 20,
  })
  .map((pieces) => {
    let begun = 0;
    return pieces.map(({ call, text }): ContentEvent => {
      if (call === null) return { kind: 'text', text, tokens: 1, logprobs: [] };
      const index = Math.min(call, begun);
      const isFirst = index === begun;
      if (isFirst) begun++;
      return {
        ...{ kind: 'tool_call', index, arguments: text, tokens: 1 },
        ...(isFirst ? { id: `call_${index}`, name: 'f' } : { id: undefined, name: undefined }),
      };
    });
  });

function eventsOf(pieces: readonly ContentEvent[], finishReason: 'stop' | 'length'): Event[] {
  const streamed = wording.streamed(serving);
  const usage = { promptTokens: 1, completionTokens: 1 };
  const frames = [
    ...streamed.opening(),
    ...pieces.flatMap((piece) => streamed.content(piece)),
    ...streamed.closing({ kind: 'end', finishReason, usage, priceUnits: 1n, grounding: undefined }),
  ];
  return frames.map((frame) => {
    const [name, data] = frame.trimEnd().split('\n');
    const event = JSON.parse(data.replace('data: ', ''));
    expect(name).toBe(`event: ${event.type}`);
    return event;
  });
}

/** What a client that believes each event has in the end: per item, what was said of it in which order. */
function follow(events: readonly Event[]) {
  const items: { id: unknown; told: string[]; grown: string; done: unknown }[] = [];
  for (const event of events) {
    if (event.type === 'response.output_item.added') {
      expect(event.output_index).toBe(items.length);
      items.push({ id: event.item.id, told: [], grown: '', done: undefined });
    }
    if (!('output_index' in event)) continue;
    const item = items[event.output_index];
    if ('item_id' in event) expect(event.item_id).toBe(item.id);
    if ('delta' in event) item.grown += event.delta;
    if (event.type === 'response.output_text.done') expect(event.text).toBe(item.grown);
    if (event.type === 'response.function_call_arguments.done') {
      expect(event.arguments).toBe(item.grown);
    }
    if (event.type === 'response.output_item.done') item.done = event.item;
    if (item.told.at(-1) !== event.type) item.told.push(event.type);
  }
  return items;
}

const message =
  /^response.output_item.added response.content_part.added response.output_text.delta response.output_text.done response.content_part.done response.output_item.done$/;
const functionCall =
  /^response.output_item.added( response.function_call_arguments.delta)? response.function_call_arguments.done response.output_item.done$/;

test('whatever comes in whatever order, each item begins, grows and ends once, and the events add up to the response', () => {
  fc.assert(
    fc.property(Pieces, fc.constantFrom('stop', 'length'), (pieces, finishReason) => {
      const events = eventsOf(pieces, finishReason);
      for (const event of events) assertValid('ResponseStreamEvent', event);
      expect(events.map((event) => event.sequence_number)).toEqual([...events.keys()]);
      expect(events.slice(0, 2).map(({ type }) => type)).toEqual([
        ...['response.created', 'response.in_progress'],
      ]);
      const last = events.at(-1);
      if (last?.type !== 'response.completed' && last?.type !== 'response.incomplete') {
        throw new Error(`It ended with ${last?.type}.`);
      }
      const items = follow(events);
      expect(items.map(({ done }) => done)).toEqual(last.response.output);
      const ended = events.flatMap((event) =>
        event.type === 'response.output_item.done' ? [event.output_index] : [],
      );
      expect(ended).toEqual([...items.keys()]);
      for (const [at, { told }] of items.entries()) {
        const { type } = last.response.output[at];
        expect(told.join(' ')).toMatch(type === 'message' ? message : functionCall);
      }
      expect(textIn(last.response.output)).toBe(said(pieces, undefined));
      for (const call of last.response.output.filter((item) => item.type === 'function_call')) {
        expect(call.arguments).toBe(said(pieces, call.call_id));
      }
    }),
    { numRuns: 50 },
  );
});

const textIn = (output: readonly OpenAI.Responses.ResponseOutputItem[]): string =>
  output
    .flatMap((item) => (item.type === 'message' ? item.content : []))
    .map((part) => (part.type === 'output_text' ? part.text : ''))
    .join('');

/** By the call of this id, or as text. */
const said = (pieces: readonly ContentEvent[], callId: string | undefined): string =>
  pieces
    .map((piece) => {
      if (piece.kind === 'text') return callId === undefined ? piece.text : '';
      return callId === `call_${piece.index}` ? piece.arguments : '';
    })
    .join('');
