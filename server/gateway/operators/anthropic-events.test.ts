import { expect, test } from 'vitest';
import { anthropicWords } from '../../../test/harness/anthropic-words.ts';
import type { OperatorCall } from '../../../test/harness/operator.ts';
import { anthropicEvents } from './anthropic-events.ts';
import { type ContentEvent, type OperatorEvent, toolCallsOf } from './operator.ts';

/** The data of what is said, without a wire. */
function dataOf(say: (words: ReturnType<typeof anthropicWords>) => void): readonly string[] {
  const data: string[] = [];
  const raw = (frame: string) => data.push(frame.replace(/^event: .*\ndata: /, '').trimEnd());
  say(anthropicWords({ raw, end: () => {} } as unknown as OperatorCall));
  return data;
}

async function* each(data: readonly string[]) {
  yield* data;
}

async function read(data: readonly string[], maxTokens = 1000): Promise<OperatorEvent[]> {
  const all: OperatorEvent[] = [];
  for await (const event of anthropicEvents(each(data), maxTokens)) all.push(event);
  return all;
}

const content = (events: readonly OperatorEvent[]): readonly ContentEvent[] =>
  events.flatMap((event) => (event.kind === 'end' ? [] : [event]));

const textOf = (events: readonly OperatorEvent[]): string =>
  events.map((event) => (event.kind === 'text' ? event.text : '')).join('');

const failure = { code: 'operator_failed' };

test('text and calls come in their order, and what was read from a cache was read', async () => {
  const events = await read(
    dataOf((words) => {
      words.start({ input: 3, written: 40, found: 500 });
      words.text('I', ' look.');
      words.tool('toolu_a', 'look', '{"at":', '"x"}');
      words.tool('toolu_b', 'listen');
      words.finish(31, 'tool_use');
    }),
  );
  expect(textOf(events)).toBe('I look.');
  expect(toolCallsOf(content(events))).toEqual([
    { id: 'toolu_a', name: 'look', arguments: '{"at":"x"}' },
    { id: 'toolu_b', name: 'listen', arguments: '{}' },
  ]);
  expect(events.at(-1)).toEqual({
    ...{ kind: 'end', finishReason: 'tool_calls', stopSequence: undefined },
    usage: { promptTokens: 543, completionTokens: 31 },
  });
});

test('the last of its cumulative counts is the count', async () => {
  const delta = { stop_reason: 'end_turn' };
  const events = await read(
    dataOf((words) => {
      words.start({ input: 7 });
      words.text('a');
      words.event({ type: 'message_delta', delta: {}, usage: { output_tokens: 4 } });
      words.event({
        ...{ type: 'message_delta', delta },
        usage: { output_tokens: 9, input_tokens: 8 },
      });
      words.event({ type: 'message_stop' });
    }),
  );
  expect(events.at(-1)).toMatchObject({ usage: { promptTokens: 8, completionTokens: 9 } });
});

test.each([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['pause_turn', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['refusal', 'content_filter'],
  ['tool_use', 'tool_calls'],
  ['something_new', 'stop'],
])('%s is told as %s', async (reason, finishReason) => {
  const events = await read(
    dataOf((words) => {
      words.start();
      words.finish(1, reason, 'END');
    }),
  );
  expect(events).toMatchObject([{ kind: 'end', finishReason, stopSequence: 'END' }]);
});

test('a count that is none is a missing one', async () => {
  const odd = (usage: object | null) =>
    dataOf((words) => {
      words.start();
      words.event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage });
    });
  expect(await read(odd({ output_tokens: -1 }))).toMatchObject([{ usage: undefined }]);
  expect(await read(odd({ output_tokens: 'many' }))).toMatchObject([{ usage: undefined }]);
  expect(await read(odd(null))).toMatchObject([{ usage: undefined }]);
  expect(await read(odd({ output_tokens: 0 }))).toMatchObject([{ usage: { completionTokens: 0 } }]);
});

test('kinds of events, blocks and deltas that are not known are passed over', async () => {
  const events = await read(
    dataOf((words) => {
      words.start();
      words.event({ type: 'weather', wind: 3 });
      words.event({
        ...{ type: 'content_block_start', index: 0 },
        content_block: { type: 'thinking', thinking: '' },
      });
      words.event({
        ...{ type: 'content_block_delta', index: 0 },
        delta: { type: 'thinking_delta', thinking: 'hm' },
      });
      words.event({ type: 'content_block_stop', index: 0 });
      words.event({
        ...{ type: 'content_block_start', index: 1 },
        content_block: { type: 'text', text: 'Be' },
      });
      const citation = { type: 'citations_delta', citation: {} };
      words.event({ type: 'content_block_delta', index: 1, delta: citation });
      const more = { type: 'text_delta', text: 'gun.' };
      words.event({ type: 'content_block_delta', index: 1, delta: more });
      words.finish(2);
    }),
  );
  expect(textOf(events)).toBe('Begun.');
});

const start = { type: 'content_block_start', index: 0 };
const delta = { type: 'content_block_delta', index: 0 };
const text = { type: 'text', text: '' };

test.each<[string, readonly (string | object)[]]>([
  ['what is not JSON', ['{"type":']],
  ['what is no object', ['[]']],
  ['a start without a message', [{ type: 'message_start' }]],
  ['a block without an index', [{ ...start, index: -1, content_block: text }]],
  [
    'a call without a name',
    [{ ...start, content_block: { type: 'tool_use', id: 'a', input: {} } }],
  ],
  [
    'a call without an id',
    [{ ...start, content_block: { type: 'tool_use', id: '', name: 'look', input: {} } }],
  ],
  ['a text that is none', [{ ...delta, delta: { type: 'text_delta', text: 1 } }]],
  ['a block that was not begun', [{ ...delta, delta: { type: 'text_delta', text: 'x' } }]],
  [
    'a block begun twice',
    [
      { ...start, content_block: text },
      { ...start, content_block: text },
    ],
  ],
  [
    'arguments in a text',
    [
      { ...start, content_block: text },
      { ...delta, delta: { type: 'input_json_delta', partial_json: '{}' } },
    ],
  ],
  ['an end without a reason', [{ type: 'message_stop' }]],
  ['nothing at all', []],
])('%s is a failure of the operator', async (_, said) => {
  const data = said.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
  await expect(read(data)).rejects.toMatchObject(failure);
});

test('an error that it reports is a failure of its kind', async () => {
  const data = dataOf((words) => {
    words.start();
    words.text('Hello');
    words.error('overloaded_error');
  });
  await expect(read(data)).rejects.toMatchObject({
    ...failure,
    details: { operatorStatus: 529 },
  });
});

test('our own count is about the bytes, at least one a piece, and never stops an answer for its guess', async () => {
  const data = dataOf((words) => {
    words.start();
    words.text('x'.repeat(40), 'y', 'z'.repeat(400));
    words.finish(1);
  });
  const tokens = async (maxTokens: number) =>
    content(await read(data, maxTokens)).map((event) => event.tokens);
  expect(await tokens(1000)).toEqual([10, 1, 100]);
  expect(await tokens(50)).toEqual([10, 1, 39]);
  expect(await tokens(2)).toEqual([2, 0, 1]);
});
