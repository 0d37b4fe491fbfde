import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { formatOpen } from '@openledger/protocol';
import type OpenAI from 'openai';
import { APIError } from 'openai';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { MODEL, openTestGateway, price, type TestGateway } from '../../test/harness/gateway.ts';
import {
  assertValid,
  hasSchemas,
  openSurface,
  type TestSurface,
} from '../../test/harness/openai-surface.ts';

let world: TestGateway;
let surface: TestSurface;
let client: OpenAI;
let secret: string;

beforeAll(async () => {
  world = await openTestGateway();
  surface = await openSurface(world);
  ({ secret } = await world.payer(10n ** 9n));
  client = surface.clientOf(secret);
});

afterAll(async () => {
  await surface.close();
  await world.end();
});

/** Whatever a test made go over the wire is as OpenAI describes it, our own members included. */
afterEach(async () => {
  expect([...surface.logged, ...world.errors]).toEqual([]);
  await surface.assertAllValid();
});

const plays = (...texts: readonly string[]) =>
  world.operator.plays((call) => {
    for (const text of texts) call.text(text);
    call.finish({ prompt: 5, completion: texts.length });
  });

const asked = { model: MODEL, input: 'Say it.' };

test.runIf(hasSchemas)('the schemas bite', () => {
  const event = { type: 'response.output_text.delta', sequence_number: 0, item_id: 'x' };
  expect(() => assertValid('ResponseStreamEvent', { ...event, delta: 'x' })).toThrow();
  expect(() => assertValid('Response', { id: 'resp_1', object: 'response' })).toThrow();
});

test('a response: its text, its usage, what it cost, what was asked for, and its receipt', async () => {
  plays('Hello ', 'you.');
  const { data, response } = await client.responses
    .create({
      ...{ ...asked, instructions: 'Be brief.', metadata: { run: '7' }, user: 'u', store: false },
      ...{ temperature: 0.5, top_p: 0.9, max_output_tokens: 30, truncation: 'disabled' },
    })
    .withResponse();
  expect(data).toMatchObject({
    ...{ object: 'response', model: MODEL, status: 'completed', output_text: 'Hello you.' },
    ...{ error: null, incomplete_details: null, previous_response_id: null },
    ...{ instructions: 'Be brief.', metadata: { run: '7' }, user: 'u' },
    ...{ temperature: 0.5, top_p: 0.9, max_output_tokens: 30, tools: [], tool_choice: 'auto' },
    text: { format: { type: 'text' } },
    output: [
      {
        ...{ type: 'message', role: 'assistant', status: 'completed' },
        content: [{ type: 'output_text', text: 'Hello you.', annotations: [], logprobs: [] }],
      },
    ],
    usage: {
      ...{ input_tokens: 5, output_tokens: 2, total_tokens: 7, cost: formatOpen(price(5, 2)) },
      input_tokens_details: { cached_tokens: 0 },
      output_tokens_details: { reasoning_tokens: 0 },
    },
    openledger: { price: formatOpen(price(5, 2)), receipt: data.id.replace('resp_', 'rct_') },
  });
  expect(data.id).toMatch(/^resp_[0-9a-f]{32}$/);
  expect(response.headers.get('x-openledger-receipt')).toBe(data.id.replace('resp_', 'rct_'));
  expect(world.operator.calls[0].body).toMatchObject({
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Say it.' },
    ],
    ...{ temperature: 0.5, top_p: 0.9, max_tokens: 30 },
  });
});

test('a streamed response tells of its making, event by event', async () => {
  plays('Hello ', 'you.');
  const seen: [string, unknown][] = [];
  let last: OpenAI.Responses.ResponseStreamEvent | undefined;
  let sequence = 0;
  for await (const event of await client.responses.create({ ...asked, stream: true })) {
    expect(event.sequence_number).toBe(sequence++);
    seen.push([event.type, 'delta' in event ? event.delta : 'text' in event ? event.text : '']);
    last = event;
  }
  expect(seen).toEqual([
    ['response.created', ''],
    ['response.in_progress', ''],
    ['response.output_item.added', ''],
    ['response.content_part.added', ''],
    ['response.output_text.delta', 'Hello '],
    ['response.output_text.delta', 'you.'],
    ['response.output_text.done', 'Hello you.'],
    ['response.content_part.done', ''],
    ['response.output_item.done', ''],
    ['response.completed', ''],
  ]);
  expect(last).toMatchObject({
    response: {
      ...{ status: 'completed', output: [{ content: [{ text: 'Hello you.' }] }] },
      usage: { input_tokens: 5, output_tokens: 2, cost: formatOpen(price(5, 2)) },
      openledger: { price: formatOpen(price(5, 2)) },
    },
  });
});

const weather = {
  ...{ type: 'function' as const, name: 'get_weather', strict: true },
  description: 'Says what the sky over a town looks like.',
  parameters: { type: 'object', properties: { town: { type: 'string' } } },
};

/** Text, then two calls whose arguments come by turns. */
const callsTools = () =>
  world.operator.plays((call) => {
    const say = (index: number, piece: object) =>
      call.event({ choices: [{ index: 0, delta: { tool_calls: [{ index, ...piece }] } }] });
    call.text('Let me ');
    say(0, { id: 'call_a', function: { name: 'get_weather', arguments: '' } });
    say(0, { function: { arguments: '{"town":' } });
    say(1, { id: 'call_b', function: { name: 'get_weather', arguments: '{"town":"Umeå"}' } });
    say(0, { function: { arguments: '"Ystad"}' } });
    call.text('look.');
    call.finish({ prompt: 40, completion: 22 }, 'tool_calls');
  });

const output = [
  { type: 'message', content: [{ type: 'output_text', text: 'Let me look.' }] },
  ...[
    ['call_a', '{"town":"Ystad"}'],
    ['call_b', '{"town":"Umeå"}'],
  ].map(([call_id, written]) => ({
    ...{ type: 'function_call', status: 'completed', call_id, name: 'get_weather' },
    arguments: written,
  })),
];

test('a model’s calls of functions come whole and streamed, and the client’s helper puts them together', async () => {
  callsTools();
  const order = { ...asked, tools: [weather], parallel_tool_calls: true };
  const whole = await client.responses.create({ ...order, tool_choice: 'required' });
  expect(whole).toMatchObject({ status: 'completed', output, tools: [weather] });
  expect(whole.usage).toMatchObject({ cost: formatOpen(price(40, 22)) });
  expect(world.operator.calls[0].body).toMatchObject({
    ...{ tool_choice: 'required', parallel_tool_calls: true },
    tools: [{ type: 'function', function: { name: 'get_weather', strict: true } }],
  });
  const runner = client.responses.stream(order);
  const done: string[] = [];
  runner.on('event', (event) => {
    if (event.type === 'response.output_item.done') done.push(event.item.type);
  });
  expect(await runner.finalResponse()).toMatchObject({ status: 'completed', output });
  expect(done).toEqual(['message', 'function_call', 'function_call']);
});

test('a conversation with calls and their results goes on: what one turn said is one message', async () => {
  callsTools();
  const order = { model: MODEL, tools: [weather] };
  const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: 'Rain?' }];
  const first = await client.responses.create({ ...order, input });
  plays('It rains ', 'in both.');
  for (const item of first.output) {
    if (item.type === 'message' || item.type === 'function_call') input.push(item);
  }
  for (const call_id of ['call_a', 'call_b']) {
    input.push({ type: 'function_call_output', call_id, output: `Rain for ${call_id}.` });
  }
  input.push({
    ...{ type: 'message', role: 'user' },
    content: [
      { type: 'input_text', text: 'So' },
      { type: 'input_text', text: '?' },
    ],
  });
  const tool_choice = { type: 'function' as const, name: 'get_weather' };
  const second = await client.responses.create({ ...order, input, tool_choice });
  expect(second).toMatchObject({ output_text: 'It rains in both.', tool_choice });
  expect(world.operator.calls[0].body).toMatchObject({
    messages: [
      { role: 'user', content: 'Rain?' },
      {
        ...{ role: 'assistant', content: 'Let me look.' },
        tool_calls: [
          { id: 'call_a', function: { arguments: '{"town":"Ystad"}' } },
          { id: 'call_b', function: { arguments: '{"town":"Umeå"}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_a', content: 'Rain for call_a.' },
      { role: 'tool', tool_call_id: 'call_b', content: 'Rain for call_b.' },
      { role: 'user', content: 'So?' },
    ],
    tool_choice: { type: 'function', function: { name: 'get_weather' } },
  });
});

test('forms of the answer are passed on, and the client’s helper reads the answer by them', async () => {
  plays('{"sky":', '"grey"}');
  const schema = { type: 'object', properties: { sky: { type: 'string' } } };
  const format = { type: 'json_schema' as const, name: 'sky', schema, strict: true };
  const { output_parsed } = await client.responses.parse({ ...asked, text: { format } });
  expect(output_parsed).toEqual({ sky: 'grey' });
  expect(world.operator.calls[0].body.response_format).toEqual({
    ...{ type: 'json_schema', json_schema: { name: 'sky', schema, strict: true } },
  });
  const open = await client.responses.create({
    ...{ ...asked, text: { format: { type: 'json_object' } } },
  });
  expect(open.text).toEqual({ format: { type: 'json_object' } });
});

const logprobs = [
  {
    ...{ token: 'né', logprob: -0.5, bytes: [110, 195, 169] },
    top_logprobs: [{ token: 'x', logprob: -1, bytes: [120] }],
  },
];

test('log-probabilities, whole and streamed', async () => {
  world.operator.plays((call) => {
    call.text('né', logprobs);
    call.text('né', logprobs);
    call.finish();
  });
  const include = ['message.output_text.logprobs' as const];
  const order = { ...asked, include, top_logprobs: 1 };
  const content = [{ text: 'néné', logprobs: [...logprobs, ...logprobs] }];
  expect(await client.responses.create(order)).toMatchObject({ output: [{ content }] });
  expect(world.operator.calls[0].body).toMatchObject({ logprobs: true, top_logprobs: 1 });
  const streamed = [];
  for await (const event of await client.responses.create({ ...order, stream: true })) {
    if (event.type === 'response.output_text.delta') streamed.push(...event.logprobs);
    if (event.type === 'response.completed')
      expect(event.response.output).toMatchObject([{ content }]);
  }
  expect(streamed).toEqual([...logprobs, ...logprobs]);
});

test.each([
  ['length', 'max_output_tokens'],
  ['content_filter', 'content_filter'],
])('an answer that ended by %s is incomplete, and says why', async (finish, reason) => {
  world.operator.plays((call) => {
    call.text('cut');
    call.finish({ prompt: 5, completion: 1 }, finish);
  });
  const incomplete = {
    ...{ status: 'incomplete', incomplete_details: { reason } },
    output: [{ status: 'incomplete', content: [{ text: 'cut' }] }],
  };
  expect(await client.responses.create(asked)).toMatchObject(incomplete);
  const types: string[] = [];
  const runner = client.responses.stream(asked);
  runner.on('event', ({ type }) => types.push(type));
  expect(await runner.finalResponse()).toMatchObject(incomplete);
  expect(types.at(-1)).toBe('response.incomplete');
});

const failureOf = async (call: Promise<unknown>): Promise<APIError> => {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof APIError) return error;
  throw new Error('It did not fail as the client’s errors do.', { cause: error });
};

const call = { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' };
const image = { type: 'input_image', image_url: 'data:' };

test.each([
  ['no input', { input: undefined }, 'input'],
  ['an empty input', { input: [] }, 'input'],
  ['a picture', { input: [{ role: 'user', content: [image] }] }, 'input.0.content.0.type'],
  ['a thought', { input: [{ type: 'reasoning', id: 'rs_1', summary: [] }] }, 'input.0.type'],
  ['a reference', { input: [{ type: 'item_reference', id: 'msg_1' }] }, 'input.0.type'],
  ['a role', { input: [{ role: 'critic', content: 'x' }] }, 'input.0.role'],
  [
    'a result of no call',
    { input: [call, { type: 'function_call_output', call_id: 'b', output: '' }] },
    'input.1.call_id',
  ],
  ['a hosted tool', { tools: [{ type: 'web_search' }] }, 'tools.0.type'],
  ['a deferred tool', { tools: [{ ...weather, defer_loading: true }] }, 'tools.0.defer_loading'],
  ['a choice without tools', { tool_choice: 'required' }, 'tool_choice'],
  [
    'a choice of another tool',
    { tools: [weather], tool_choice: { type: 'function', name: 'f' } },
    'tool_choice.name',
  ],
  ['a form', { text: { format: { type: 'grammar' } } }, 'text.format.type'],
  ['a verbosity', { text: { verbosity: 'high' } }, 'text.verbosity'],
  ['another response', { previous_response_id: 'resp_1' }, 'previous_response_id'],
  ['a conversation', { conversation: 'conv_1' }, 'conversation'],
  ['thinking', { reasoning: { effort: 'high' } }, 'reasoning.effort'],
  ['the background', { background: true }, 'background'],
  ['truncation', { truncation: 'auto' }, 'truncation'],
  ['thoughts', { include: ['reasoning.encrypted_content'] }, 'include.0'],
  [
    'obfuscation',
    { stream_options: { include_obfuscation: true } },
    'stream_options.include_obfuscation',
  ],
  ['a tier', { service_tier: 'flex' }, 'service_tier'],
  ['a prompt', { prompt: { id: 'p' } }, 'prompt'],
  ['metadata of numbers', { metadata: { a: 1 } }, 'metadata.a'],
  [
    'too much metadata',
    { metadata: Object.fromEntries([...Array(17).keys()].map((key) => [key, ''])) },
    'metadata',
  ],
  ['no tokens', { max_output_tokens: 0 }, 'max_output_tokens'],
  ['what nobody knows', { seed: 7 }, 'seed'],
  ['a datanet that is none', { openledger: { datanets: ['x'] } }, 'openledger.datanets.0'],
])('%s is refused, and said by name', async (_, members, param) => {
  plays('a');
  const error = await failureOf(client.responses.create({ ...asked, ...members } as never));
  expect(error).toMatchObject({ status: 400, param, code: 'invalid_input' });
  expect(world.operator.calls).toHaveLength(0);
});

test('what says nothing, or what is so anyhow, is taken', async () => {
  plays('a');
  const nothing = Object.fromEntries(
    ['tools', 'text', 'conversation', 'prompt', 'moderation', 'what_comes'].map((name) => [
      name,
      null,
    ]),
  );
  const answer = await client.responses.create({
    ...{ ...asked, ...nothing, reasoning: { effort: null, summary: null }, background: false },
    ...{ service_tier: 'auto', truncation: 'disabled', prompt_cache_key: 'k', include: [] },
  } as OpenAI.Responses.ResponseCreateParamsNonStreaming);
  expect(answer.output_text).toBe('a');
});

test('failures before the first word are the client’s own errors, whole and streamed', async () => {
  plays('a');
  const poor = await world.payer(1n);
  for (const stream of [true, false]) {
    const order = { ...asked, stream };
    expect(await failureOf(surface.clientOf('ol_nobody').responses.create(order))).toMatchObject({
      ...{ status: 401, code: 'unauthorized', type: 'authentication_error' },
    });
    expect(await failureOf(surface.clientOf(poor.secret).responses.create(order))).toMatchObject({
      ...{ status: 402, code: 'insufficient_funds', error: { details: { available: '1' } } },
    });
    expect(await failureOf(client.responses.create({ ...order, model: 'gpt-9' }))).toMatchObject({
      ...{ status: 404, code: 'model_not_found', param: 'model' },
    });
  }
  world.operator.plays((call) => call.status(500));
  for (const stream of [true, false]) {
    expect(await failureOf(client.responses.create({ ...asked, stream }))).toMatchObject({
      ...{ status: 502, code: 'operator_failed' },
    });
  }
});

test('a stream that breaks off says what had come, and ends in the client’s error', async () => {
  world.operator.plays(async (call) => {
    call.text('half');
    await pause(30);
    call.destroy();
  });
  const seen: OpenAI.Responses.ResponseStreamEvent[] = [];
  const error = await failureOf(
    (async () => {
      for await (const event of await client.responses.create({ ...asked, stream: true })) {
        seen.push(event);
      }
    })(),
  );
  expect(error.code).toBe('operator_failed');
  expect(seen.at(-1)).toMatchObject({
    type: 'response.failed',
    response: {
      ...{ status: 'failed', error: { code: 'server_error', message: 'The operator broke off.' } },
      output: [{ status: 'incomplete', content: [{ text: 'half' }] }],
    },
  });
});

const lastCall = async (partyId: string) => {
  for (;;) {
    const [last] = await world.gateway.list({ payerId: partyId, limit: 1 });
    if (last && last.status !== 'held') return last;
    await pause(10);
  }
};

test('a client that hangs up on a stream stops the operator, and pays for what was delivered', async () => {
  const { partyId, secret: key } = await world.payer(1000n);
  world.operator.plays((call) => {
    call.text('one ');
    call.text('two');
  });
  const plain = surface.clientOf(key, {}); // a recorder would go on reading
  let text = '';
  let id = '';
  for await (const event of await plain.responses.create({ ...asked, stream: true })) {
    if (event.type === 'response.created') ({ id } = event.response);
    if (event.type === 'response.output_text.delta') text += event.delta;
    if (text === 'one two') break; // the client hangs up
  }
  await world.operator.calls[0].closed;
  const { usage, priceUnits, ...call } = await lastCall(partyId);
  expect(call).toMatchObject({ status: 'served', finishReason: 'disconnected', output: text });
  expect(usage.completionTokens).toBe(2);
  expect(priceUnits).toBe(price(usage.promptTokens, 2));

  // What became of it can be asked for under the name that it had, as either.
  expect(await plain.responses.retrieve(id)).toMatchObject({
    ...{ id, status: 'incomplete', incomplete_details: null, output_text: 'one two' },
    usage: { output_tokens: 2, cost: formatOpen(priceUnits) },
  });
  const generation = await fetch(`${surface.url}/v1/generations/${id}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  expect(await generation.json()).toMatchObject({ id: call.inferenceId, output: 'one two' });
});

/** A socket of our own, hung up while the operator is silent. */
test('a client that hangs up while it waits for a whole response stops the operator and pays nothing', async () => {
  const { partyId, secret: key } = await world.payer(1000n);
  const heard = new Promise<void>((resolve) => {
    world.operator.plays((call) => {
      call.text('never seen');
      resolve();
    });
  });
  const socket = request(`${surface.url}/v1/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  });
  socket.on('error', () => {});
  socket.end(JSON.stringify(asked));
  await heard;
  await pause(50);
  socket.destroy();
  await world.operator.calls[0].closed;
  const { status, inferenceId } = await lastCall(partyId);
  expect(status).toBe('void');
  await expect.poll(() => world.ledger.balance(`${partyId}:available`)).toBe(1000n);
  const id = inferenceId.replace('inf_', 'resp_');
  expect(await surface.clientOf(key).responses.retrieve(id)).toMatchObject({
    ...{ id, status: 'failed', output: [] },
  });
});

test('a response is found again by its payer, as far as its record has it', async () => {
  callsTools();
  const text = { format: { type: 'json_object' as const } };
  const order = { ...asked, tools: [weather], text, temperature: 0.5, instructions: 'Be brief.' };
  const made = await client.responses.create(order);
  const found = await client.responses.retrieve(made.id);
  const { id, created_at, model, output, usage } = made;
  expect(found).toMatchObject({ ...{ id, created_at, model, usage, text }, status: 'completed' });
  expect(found.output).toEqual(output);
  expect(found.tools).toEqual(made.tools);
  expect(found.completed_at).toBeGreaterThanOrEqual(created_at);
  expect(found).toMatchObject({ temperature: null, instructions: null });
  expect(found).toMatchObject({
    openledger: { notRecorded: expect.arrayContaining(['temperature', 'instructions']) },
  });

  const { secret: stranger } = await world.payer(1n);
  expect(await failureOf(surface.clientOf(stranger).responses.retrieve(id))).toMatchObject({
    ...{ status: 404, code: 'not_found' },
  });
  expect(await failureOf(client.responses.retrieve('nothing'))).toMatchObject({ status: 404 });
  const replayed = client.responses.retrieve(id, { stream: true });
  expect(await failureOf(replayed)).toMatchObject({ status: 400, param: 'stream' });
});

test('a response of calls alone is found again without a text', async () => {
  world.operator.plays((call) => {
    const called = { name: 'get_weather', arguments: '{"a\\n":' };
    const tool_calls = [{ index: 0, id: 'call_a', function: called }];
    call.event({ choices: [{ index: 0, delta: { tool_calls } }] });
    call.finish(undefined, 'length');
  });
  const made = await client.responses.create({ ...asked, tools: [weather] });
  expect(made.output).toMatchObject([{ type: 'function_call', status: 'incomplete' }]);
  expect((await client.responses.retrieve(made.id)).output).toEqual(made.output);
});

test('text of any kind comes through whole', async () => {
  const strange = ['\0', '\ud83d\ude00', '\u2028\r\n\r\ndata: x\n\n', '"\\', '\ud800'];
  plays(...strange);
  expect((await client.responses.create(asked)).output_text).toBe(strange.join(''));
  const { output_text } = await client.responses.stream(asked).finalResponse();
  expect(output_text).toBe(strange.join(''));
});
