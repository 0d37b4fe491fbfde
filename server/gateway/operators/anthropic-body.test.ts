import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ask } from '../../../test/harness/gateway.ts';
import type { RetrievedRecord } from '../../datanets/index.ts';
import { fromMessages, MessagesBody } from '../messages-body.ts';
import type { GenerationRequest } from '../request.ts';
import { anthropicBody } from './anthropic-body.ts';

const bodyOf = (request: GenerationRequest, texts: readonly string[] = []): object =>
  JSON.parse(
    JSON.stringify(
      anthropicBody({
        ...{ model: 'claude', request, maxTokens: 10 },
        retrieved: texts.map((text) => ({ text }) as RetrievedRecord),
      }),
    ),
  );

const call = (id: string, written: string) => ({
  ...{ id, type: 'function', function: { name: 'look', arguments: written } },
});

test('a plain question is asked plainly', () => {
  expect(bodyOf(ask({ temperature: 1, top_p: 0.5, top_k: 7, stop: 'END' }))).toEqual({
    ...{ model: 'claude', max_tokens: 10, temperature: 1, top_p: 0.5, top_k: 7 },
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Say it.' }] }],
    stop_sequences: ['END'],
  });
});

test('the context comes first, then what system and developer said, and nothing empty', () => {
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Say it.' },
    { role: 'system', content: ' ' },
    { role: 'developer', content: 'Be kind.' },
    { role: 'user', content: 'Now.' },
  ];
  expect(bodyOf(ask({ messages }), ['One.', 'Two.'])).toMatchObject({
    system: [
      { type: 'text', text: 'One.\n\nTwo.' },
      { type: 'text', text: 'Be brief.' },
      { type: 'text', text: 'Be kind.' },
    ],
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Say it.' },
          { type: 'text', text: 'Now.' },
        ],
      },
    ],
  });
});

test('calls and their results are blocks, the results of one turn together', () => {
  const messages = [
    { role: 'user', content: 'Rain?' },
    {
      ...{ role: 'assistant', content: 'I look.' },
      tool_calls: [call('call_a', '{"town":"Ystad"}'), call('functions.look:1', '{broken')],
    },
    { role: 'tool', tool_call_id: 'call_a', content: 'Rain.' },
    { role: 'tool', tool_call_id: 'functions.look:1', content: '' },
    { role: 'user', content: 'And?' },
  ];
  expect(bodyOf(ask({ messages }))).toMatchObject({
    messages: [
      { role: 'user' },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'I look.' },
          { type: 'tool_use', id: 'call_a', name: 'look', input: { town: 'Ystad' } },
          {
            ...{ type: 'tool_use', id: 'functions_look_1', name: 'look' },
            input: { INVALID_JSON: '{broken' },
          },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'call_a', content: 'Rain.' },
          { type: 'tool_result', tool_use_id: 'functions_look_1' },
          { type: 'text', text: 'And?' },
        ],
      },
    ],
  });
});

test('a failed tool is told as one', () => {
  const request = ask();
  const messages = [
    { role: 'tool', toolCallId: 'a', content: 'No such town.', isError: true },
  ] as const;
  expect(bodyOf({ ...request, messages })).toMatchObject({
    messages: [{ content: [{ type: 'tool_result', is_error: true }] }],
  });
});

const tool = { type: 'function', function: { name: 'look', description: 'Looks.', strict: true } };

test.each([
  [{}, undefined],
  [{ tool_choice: 'auto' }, { type: 'auto' }],
  [{ tool_choice: 'required' }, { type: 'any' }],
  [{ tool_choice: 'none', parallel_tool_calls: false }, { type: 'none' }],
  [{ parallel_tool_calls: false }, { type: 'auto', disable_parallel_tool_use: true }],
  [
    { tool_choice: { type: 'function', function: { name: 'look' } }, parallel_tool_calls: true },
    { type: 'tool', name: 'look', disable_parallel_tool_use: false },
  ],
])('%j is the choice %j', (members, tool_choice) => {
  const body = bodyOf(ask({ tools: [tool], ...members }));
  expect(body).toMatchObject({
    tools: [
      { name: 'look', description: 'Looks.', strict: true, input_schema: { type: 'object' } },
    ],
  });
  expect((body as { tool_choice?: object }).tool_choice).toEqual(tool_choice);
});

test('a schema for the answer is its format', () => {
  const json_schema = { name: 'sky', description: 'The sky.', schema: { type: 'object' } };
  expect(bodyOf(ask({ response_format: { type: 'json_schema', json_schema } }))).toMatchObject({
    output_config: {
      format: { type: 'json_schema', schema: { type: 'object', description: 'The sky.' } },
    },
  });
});

test.each([
  [{ temperature: 1.1 }, 'temperatures'],
  [{ seed: 1 }, 'seed'],
  [{ logprobs: true }, 'log-probabilities'],
  [{ response_format: { type: 'json_object' } }, 'schema'],
  [{ response_format: { type: 'json_schema', json_schema: { name: 'x' } } }, 'schema'],
  [{ stop: '\n' }, 'white space'],
  [{ tools: [{ type: 'function', function: { name: 'a.b' } }] }, 'a.b'],
  [{ messages: [{ role: 'system', content: 'Be brief.' }] }, 'message'],
])('%j is refused, and says why', (members, why) => {
  expect(() => bodyOf(ask(members))).toThrow(
    expect.objectContaining({ code: 'unprocessable', message: expect.stringContaining(why) }),
  );
});

const words = fc
  .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
  .filter((text) => text.trim() !== '');
const texts = fc.array(
  words.map((text) => ({ type: 'text', text })),
  { maxLength: 1 },
);
const input = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue({ maxDepth: 2 }), {
  maxKeys: 3,
});

/** A turn of the assistant with its calls, and the user's turn with a result for each. */
const exchange = fc
  .tuple(
    texts,
    fc.array(fc.tuple(input, words, fc.boolean()), { minLength: 1, maxLength: 3 }),
    texts,
  )
  .map(([said, calls, then]) => [
    {
      role: 'assistant',
      content: [
        ...said,
        ...calls.map(([given], i) => ({
          type: 'tool_use',
          id: `toolu_${i}`,
          name: 'look',
          input: given,
        })),
      ],
    },
    {
      role: 'user',
      content: [
        ...calls.map(([, content, isError], i) => ({
          ...{ type: 'tool_result', tool_use_id: `toolu_${i}`, content },
          ...(isError ? { is_error: true } : {}),
        })),
        ...then,
      ],
    },
  ]);

test('a conversation of Anthropic’s clients reaches Anthropic’s API as they put it', () => {
  fc.assert(
    fc.property(words, fc.array(exchange, { maxLength: 4 }), (question, exchanges) => {
      const messages = [
        { role: 'user', content: [{ type: 'text', text: question }] },
        ...exchanges.flat(),
      ];
      const asked = { model: 'm', max_tokens: 10, messages };
      const wire = JSON.parse(JSON.stringify(asked));
      expect(bodyOf(fromMessages(MessagesBody.parse(wire)))).toEqual({ ...wire, model: 'claude' });
    }),
  );
});
