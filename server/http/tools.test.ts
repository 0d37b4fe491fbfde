import { formatOpen, outputText } from '@openledger/protocol';
import type OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { MODEL, openTestGateway, price, type TestGateway } from '../../test/harness/gateway.ts';
import { openSurface, type TestSurface } from '../../test/harness/openai-surface.ts';

let world: TestGateway;
let surface: TestSurface;
let client: OpenAI;

beforeAll(async () => {
  world = await openTestGateway();
  surface = await openSurface(world);
  client = surface.clientOf((await world.payer(10n ** 9n)).secret);
});

afterAll(async () => {
  await surface.close();
  await world.end();
});

afterEach(async () => {
  expect([...surface.logged, ...world.errors]).toEqual([]);
  await surface.assertAllValid();
});

const weather = {
  type: 'function' as const,
  function: {
    ...{ name: 'get_weather', description: 'Says what the sky over a town looks like.' },
    parameters: {
      type: 'object',
      properties: { town: { type: 'string' }, within: { type: 'number', minimum: 0.5 } },
    },
    strict: true,
  },
};

/** Two calls whose arguments come in pieces; the operator counts them from 1. */
const callsTools = () =>
  world.operator.plays((call) => {
    const say = (index: number, piece: object) =>
      call.event({ choices: [{ index: 0, delta: { tool_calls: [{ index, ...piece }] } }] });
    say(1, { id: 'call_a', function: { name: 'get_weather', arguments: '' } });
    say(1, { function: { arguments: '{"town":' } });
    say(1, { function: { arguments: '"Ystad"}' } });
    say(2, { id: 'call_b', function: { name: 'get_weather', arguments: '{"town":"Umeå"}' } });
    call.finish({ prompt: 40, completion: 22 }, 'tool_calls');
  });

const toolCalls = [
  {
    id: 'call_a',
    type: 'function',
    function: { name: 'get_weather', arguments: '{"town":"Ystad"}' },
  },
  {
    id: 'call_b',
    type: 'function',
    function: { name: 'get_weather', arguments: '{"town":"Umeå"}' },
  },
];

const chat = { model: MODEL, messages: [{ role: 'user' as const, content: 'Rain?' }] };

test('a model’s calls of tools arrive whole, are charged, and stand in the record', async () => {
  callsTools();
  const { data, response } = await client.chat.completions
    .create({ ...chat, tools: [weather], tool_choice: 'required', parallel_tool_calls: true })
    .withResponse();
  expect(data.choices).toMatchObject([
    { message: { content: null, tool_calls: toolCalls }, finish_reason: 'tool_calls' },
  ]);
  expect(data.usage).toMatchObject({ cost: formatOpen(price(40, 22)) });
  const inference = await world.gateway.find(
    response.headers.get('x-openledger-inference') as string,
  );
  expect(inference).toMatchObject({
    status: 'served',
    finishReason: 'tool_calls',
    estimated: false,
  });
  expect(inference.output).toBe(
    outputText(
      '',
      toolCalls.map(({ function: called }) => called),
    ),
  );
  expect(inference.toolCalls.map(({ id }) => id)).toEqual(['call_a', 'call_b']);
  const { body } = world.operator.calls[0];
  expect(body).toMatchObject({
    tools: [weather],
    tool_choice: 'required',
    parallel_tool_calls: true,
  });
});

test('streamed calls come piece by piece, and the client’s helper puts them together', async () => {
  callsTools();
  const runner = client.chat.completions.stream({ ...chat, tools: [weather] });
  const { choices } = await runner.finalChatCompletion();
  expect(choices).toMatchObject([
    { message: { tool_calls: toolCalls }, finish_reason: 'tool_calls' },
  ]);
});

test('a conversation with calls and their results goes on, and both are the client’s own words', async () => {
  world.operator.plays((call) => {
    call.text('It rains.');
    call.finish({ prompt: 9, completion: 3 });
  });
  const messages = [
    { role: 'user' as const, content: 'Rain?' },
    { role: 'assistant' as const, content: null, tool_calls: toolCalls.slice(0, 1) },
    { role: 'tool' as const, tool_call_id: 'call_a', content: 'Heavy rain over Ystad.' },
  ];
  const { response } = await client.chat.completions
    .create({
      ...{ model: MODEL, tools: [weather], tool_choice: weather },
      messages: messages as OpenAI.ChatCompletionMessageParam[],
    })
    .withResponse();
  const { body } = world.operator.calls[0];
  expect(body.messages).toEqual(messages);
  expect(body.tool_choice).toEqual({ type: 'function', function: { name: 'get_weather' } });
  const inference = await world.gateway.find(
    response.headers.get('x-openledger-inference') as string,
  );
  expect(inference.clientTexts).toContain('Heavy rain over Ystad.');
  expect(inference.clientTexts).toContain('{"town":"Ystad"}');
  expect(inference.clientTexts.join('\n')).toContain(weather.function.description);
});

test('a schema for the answer is passed on as it is, and counted in what is held', async () => {
  const json_schema = {
    name: 'sky',
    schema: { type: 'object', description: 'x'.repeat(500) },
    strict: true,
  };
  const { caller, partyId, secret } = await world.payer(price(400, 10));
  world.operator.plays((call) => call.finish());
  const refused = await surface
    .clientOf(secret)
    .chat.completions.create({
      ...{ ...chat, max_tokens: 10, response_format: { type: 'json_schema', json_schema } },
    })
    .catch((error: { status: number }) => error.status);
  expect(refused).toBe(402);
  expect(await world.balancesOf(partyId)).toEqual([price(400, 10), 0n]);
  expect(caller.partyId).toBe(partyId);

  world.operator.plays((call) => {
    call.text('{}');
    call.finish();
  });
  await client.chat.completions.create({
    ...chat,
    response_format: { type: 'json_schema', json_schema },
  });
  expect(world.operator.calls[0].body.response_format).toEqual({
    type: 'json_schema',
    json_schema,
  });
});

test('an operator that does not name its tool has failed, and costs nothing', async () => {
  world.operator.plays((call) => {
    call.event({
      choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: '{' } }] } }],
    });
    call.finish();
  });
  const { caller, secret, partyId } = await world.payer(1000n);
  const failure = await surface
    .clientOf(secret)
    .chat.completions.create({ ...chat, max_tokens: 5, tools: [weather] })
    .catch((error: { status: number }) => error.status);
  expect(failure).toBe(502);
  expect(caller.keyId).toBeDefined();
  expect(await world.balancesOf(partyId)).toEqual([1000n, 0n]);
});
