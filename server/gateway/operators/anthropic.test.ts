import { setTimeout as pause } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import type { Id } from '@openledger/protocol';
import type OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type AnthropicWords, anthropicWords } from '../../../test/harness/anthropic-words.ts';
import {
  ask,
  openTestGateway,
  price,
  read,
  serve,
  type TestGateway,
} from '../../../test/harness/gateway.ts';
import { openSurface, type TestSurface } from '../../../test/harness/openai-surface.ts';
import {
  type OperatorCall,
  startOperator,
  type TestOperator,
} from '../../../test/harness/operator.ts';

const MODEL = 'elsewhere/claude';

let world: TestGateway;
let surface: TestSurface;
let operator: TestOperator;

beforeAll(async () => {
  world = await openTestGateway();
  surface = await openSurface(world);
  operator = await startOperator();
  const { id } = await world.identity.registerParty({ identity: 'local:anthropic' });
  const { baseUrl } = operator;
  await world.gateway.registerOperator({
    ...{ name: 'elsewhere', kind: 'anthropic', partyId: id, baseUrl, apiKey: 'sk-secret' },
  });
  await world.models.registerExternal({
    ...{ name: MODEL, operator: 'elsewhere', operatorModel: 'claude', builderId: id },
    ...{ maxTokens: 100, pricing: { promptUnits: price(1, 0), completionUnits: price(0, 1) } },
  });
});

afterAll(async () => {
  await operator.close();
  await surface.close();
  await world.end();
});

afterEach(() => expect([...surface.logged, ...world.errors]).toEqual([]));

const plays = (script: (words: AnthropicWords, call: OperatorCall) => void) =>
  operator.plays((call) => script(anthropicWords(call), call));

const question = (members: object = {}) => ask({ model: MODEL, ...members });

const anthropicOf = (apiKey: string) =>
  new Anthropic({ apiKey, baseURL: surface.url, maxRetries: 0 });

test('a stream that was heard out leaves its connection for the next', async () => {
  plays((words) => {
    words.start({ input: 4 });
    words.text('Hello.');
    words.finish(2);
  });
  const asked = async () => {
    const { caller } = await world.payer(1000n);
    await read(await serve(world.gateway, caller, { request: question() }));
    await pause(20); // its end is read away after ours
  };
  await asked();
  const before = operator.connections();
  for (let i = 0; i < 3; i++) await asked();
  expect(operator.connections()).toBe(before);
});

test('it is asked in its own words, and its counts are charged to the unit', async () => {
  plays((words) => {
    words.start({ input: 4, written: 2, found: 3 });
    words.text('Hello ', 'you.');
    words.finish(6);
  });
  for (const delivery of ['streamed', 'whole'] as const) {
    const { caller, partyId } = await world.payer(1000n);
    const serving = await serve(world.gateway, caller, { request: question(), delivery });
    const { text, end } = await read(serving);
    expect(text).toBe('Hello you.');
    expect(end).toMatchObject({
      ...{ finishReason: 'stop', priceUnits: price(9, 6) },
      usage: { promptTokens: 9, completionTokens: 6 },
    });
    const { inferenceId } = serving;
    expect((await world.gateway.find(inferenceId)).estimated).toBe(false);
    await world.gateway.capture(inferenceId);
    expect(await world.balancesOf(partyId)).toEqual([1000n - price(9, 6), 0n]);
  }
  const [{ path, headers, body }] = operator.calls;
  expect(path).toBe('/v1/messages');
  expect(headers).toMatchObject({ 'x-api-key': 'sk-secret', 'anthropic-version': '2023-06-01' });
  expect(headers.authorization).toBeUndefined();
  expect(body).toEqual({
    ...{ model: 'claude', max_tokens: 10, stream: true },
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Say it.' }] }],
  });
});

test('its models are listed, wherever its address ends', async () => {
  const { id } = await world.identity.registerParty({ identity: 'local:bare' });
  const baseUrl = operator.baseUrl.replace(/\/v1$/, '/');
  await world.gateway.registerOperator({ name: 'bare', kind: 'anthropic', partyId: id, baseUrl });
  for (const name of ['elsewhere', 'bare']) {
    expect(await world.gateway.modelsOffered(name)).toEqual(['echo']);
    const { path, headers } = operator.listed.at(-1) as { path: string; headers: object };
    expect(path).toBe('/v1/models?limit=1000');
    expect('x-api-key' in headers).toBe(name === 'elsewhere');
  }
});

test('a loop of tools through both of our sides keeps ids, arguments and text', async () => {
  const client = anthropicOf((await world.payer(10n ** 6n)).secret);
  const tool = {
    ...{ name: 'get_weather', description: 'Says what the sky looks like.', strict: true },
    input_schema: { type: 'object' as const, properties: { town: { type: 'string' } } },
  };
  const calls = [
    { type: 'text', text: 'I look.' },
    { type: 'tool_use', id: 'toolu_01', name: 'get_weather', input: { town: 'Ystad' } },
    { type: 'tool_use', id: 'toolu_02', name: 'get_weather', input: {} },
  ] as Anthropic.ContentBlockParam[];
  const callsTools = () =>
    plays((words) => {
      words.start({ input: 500 });
      words.text('I ', 'look.');
      words.tool('toolu_01', 'get_weather', '{"tow', 'n":"Ystad"}');
      words.tool('toolu_02', 'get_weather');
      words.finish(40, 'tool_use');
    });
  const asked = {
    ...{ model: MODEL, max_tokens: 50, tools: [tool], system: 'Be brief.' },
    tool_choice: { type: 'any' as const, disable_parallel_tool_use: false },
    messages: [{ role: 'user' as const, content: 'Rain?' }],
  };
  callsTools();
  const streamed = await client.messages.stream(asked).finalMessage();
  callsTools();
  const whole = await client.messages.create(asked);
  for (const answer of [streamed, whole]) {
    expect(answer).toMatchObject({
      ...{ content: calls, stop_reason: 'tool_use' },
      usage: { input_tokens: 500, output_tokens: 40 },
    });
  }
  expect(operator.calls[0].body).toMatchObject({
    ...{ tools: [tool], tool_choice: asked.tool_choice },
    system: [{ type: 'text', text: 'Be brief.' }],
  });

  plays((words) => {
    words.start();
    words.text('It ');
    words.finish(3, 'stop_sequence', 'rains');
  });
  const results = [
    { type: 'tool_result', tool_use_id: 'toolu_01', content: 'Rain.' },
    { type: 'tool_result', tool_use_id: 'toolu_02', content: 'Which town?', is_error: true },
    { type: 'text', text: 'Well?' },
  ] as Anthropic.ContentBlockParam[];
  const messages: Anthropic.MessageParam[] = [
    ...asked.messages,
    { role: 'assistant', content: whole.content },
    { role: 'user', content: results },
  ];
  const last = await client.messages.create({ ...asked, messages, stop_sequences: ['rains'] });
  expect(last).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: 'rains' });
  expect(operator.calls[0].body.messages).toEqual([
    { role: 'user', content: [{ type: 'text', text: 'Rain?' }] },
    { role: 'assistant', content: calls },
    { role: 'user', content: results },
  ]);
});

test('OpenAI’s clients call it, and a call without arguments has an object of none', async () => {
  const { secret } = await world.payer(10n ** 6n);
  plays((words) => {
    words.start({ input: 300 });
    words.tool('toolu_01', 'look');
    words.finish(12, 'tool_use');
  });
  const { choices } = await surface.clientOf(secret).chat.completions.create({
    ...{ model: MODEL, max_tokens: 50, messages: [{ role: 'user', content: 'Rain?' }] },
    tools: [{ type: 'function', function: { name: 'look' } }],
  } satisfies OpenAI.ChatCompletionCreateParamsNonStreaming);
  expect(choices).toMatchObject([
    {
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ id: 'toolu_01', function: { name: 'look', arguments: '{}' } }] },
    },
  ]);
  await surface.assertAllValid();
});

test('what it puts before tools of its own is held for, so that its count stands', async () => {
  const { caller } = await world.payer(10n ** 6n);
  plays((words) => {
    words.start({ input: 420 });
    words.text('No.');
    words.finish(2);
  });
  const tools = [{ type: 'function', function: { name: 'look' } }];
  const serving = await serve(world.gateway, caller, { request: question({ tools }) });
  const { end } = await read(serving);
  expect(end).toMatchObject({ usage: { promptTokens: 420 } });
  expect((await world.gateway.find(serving.inferenceId)).estimated).toBe(false);
});

test('what it cannot heed is refused before any money moves or it is asked', async () => {
  const { caller, partyId } = await world.payer(1000n);
  plays(() => {});
  for (const members of [{ temperature: 1.5 }, { seed: 1 }, { logprobs: true }]) {
    await expect(
      serve(world.gateway, caller, { request: question(members) }),
    ).rejects.toMatchObject({ code: 'unprocessable' });
  }
  expect(operator.calls).toEqual([]);
  expect(await world.gateway.list({ payerId: partyId, limit: 10 })).toEqual([]);
  expect(await world.balancesOf(partyId)).toEqual([1000n, 0n]);
});

const saying =
  (raw: string) =>
  (_: AnthropicWords, call: OperatorCall): void => {
    call.raw(raw);
    call.end();
  };

test.each<[string, (words: AnthropicWords, call: OperatorCall) => void, object]>([
  ['is overloaded', (_, call) => call.status(529), { operatorStatus: 529 }],
  ['refuses the key', (_, call) => call.status(401), { operatorStatus: 401 }],
  ['reports an error at once', (words) => words.error('overloaded_error'), { operatorStatus: 529 }],
  ['hangs up', (_, call) => call.destroy(), {}],
  ['says nothing', saying(': \n\n'), {}],
  ['answers garbage', saying('data: {"type":7}\n\n'), {}],
  [
    'breaks off before a word',
    (words, call) => {
      words.start();
      call.destroy();
    },
    {},
  ],
])('an operator that %s has failed, and costs nothing', async (_, script, details) => {
  const { caller, partyId } = await world.payer(1000n);
  plays(script);
  const serving = await serve(world.gateway, caller, { request: question() });
  await expect(read(serving)).rejects.toMatchObject({ code: 'operator_failed', details });
  expect(await world.gateway.find(serving.inferenceId)).toMatchObject({ status: 'void' });
  expect(await world.balancesOf(partyId)).toEqual([1000n, 0n]);
});

test('one that fails under way is paid for what was delivered, and the stream says so', async () => {
  const { secret, partyId } = await world.payer(1000n);
  plays((words) => {
    words.start();
    words.text('x'.repeat(16), 'y'.repeat(8));
    words.error('api_error');
  });
  const stream = anthropicOf(secret).messages.stream({
    ...{ model: MODEL, max_tokens: 10, messages: [{ role: 'user', content: 'Say it.' }] },
  });
  await expect(stream.finalMessage()).rejects.toMatchObject({ error: { type: 'error' } });
  const [inference] = await world.gateway.list({ payerId: partyId, limit: 1 });
  expect(inference).toMatchObject({
    ...{ status: 'served', finishReason: 'operator_failed', estimated: true },
    ...{ output: 'x'.repeat(16) + 'y'.repeat(8), usage: { completionTokens: 6 } },
  });
  await world.gateway.capture(inference.inferenceId as Id<'inference'>);
  expect(await world.balancesOf(partyId)).toEqual([1000n - inference.priceUnits, 0n]);
});

test('a client that leaves stops it', async () => {
  const { caller } = await world.payer(1000n);
  plays((words) => {
    words.start();
    words.event({
      ...{ type: 'content_block_start', index: 0 },
      content_block: { type: 'text', text: 'Hello' },
    });
  });
  const serving = await serve(world.gateway, caller, { request: question() });
  await serving.events.next();
  await serving.leave();
  await operator.calls[0].closed;
  expect(await world.gateway.find(serving.inferenceId)).toMatchObject({
    ...{ status: 'served', output: 'Hello', finishReason: 'disconnected' },
  });
});
