import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import OpenAI, { APIError } from 'openai';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { MODEL, openTestGateway, price, type TestGateway } from '../../test/harness/gateway.ts';
import {
  assertValid,
  hasSchemas,
  openSurface,
  type TestSurface,
} from '../../test/harness/openai-surface.ts';
import { silentLog } from '../platform/log.ts';
import { openAiSurface } from './openai.ts';

let world: TestGateway;
let secret: string;
let client: OpenAI;
let surface: TestSurface;

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

const messages = [{ role: 'user' as const, content: 'Say it.' }];
const chat = { model: MODEL, messages };

test.runIf(hasSchemas)('the schemas bite', () => {
  expect(() => assertValid('Model', { id: 1, object: 'model' })).toThrow();
  expect(() => assertValid('ErrorResponse', { error: { message: 'x' } })).toThrow();
  const chunk = { id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm' };
  const choice = { index: 0, delta: {}, finish_reason: 'because' };
  expect(() =>
    assertValid('CreateChatCompletionStreamResponse', { ...chunk, choices: [choice] }),
  ).toThrow();
});

test('models are listed and found by any name they may have', async () => {
  const { id: builderId } = await world.identity.registerParty({ identity: 'local:elsewhere' });
  const pricing = { promptUnits: 1n, completionUnits: 1n };
  const names = ['llama3.2:1b', 'org/sub/model:q4@7', 'with space & 100%'];
  for (const name of names) {
    await world.models.registerExternal({
      ...{ name, operator: 'remote', operatorModel: 'm', builderId, maxTokens: 9, pricing },
    });
  }
  const listed = [];
  for await (const model of client.models.list()) listed.push(model.id);
  expect(listed).toEqual([MODEL, ...names]);
  for (const name of listed) {
    expect(await client.models.retrieve(name)).toMatchObject({ id: name, owned_by: 'remote' });
  }
});

test('a model tells what its tokens cost in OPEN, and the terms of each who serves it', async () => {
  const [terms] = await world.gateway.priceList(MODEL);
  const pricing = { prompt: '0.000000000000000002', completion: '0.000000000000000003' };
  const { hash, promptUnits, completionUnits, since } = terms;
  const told = { operator: 'remote', hash, promptUnits, completionUnits, since, pricing };
  const listed = [];
  for await (const model of client.models.list()) listed.push(model);
  for (const model of [await client.models.retrieve(MODEL), listed[0]]) {
    expect(model).toMatchObject({ id: MODEL, pricing, openledger: { terms: [told] } });
  }
});

test('a chat completion', async () => {
  plays('Hello ', 'you.');
  const { data, response } = await client.chat.completions.create(chat).withResponse();
  expect(data).toMatchObject({
    ...{ object: 'chat.completion', model: MODEL },
    choices: [{ message: { role: 'assistant', content: 'Hello you.' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
  });
  const inferenceId = response.headers.get('x-openledger-inference') as string;
  const { priceUnits } = await world.gateway.find(inferenceId);
  expect(priceUnits).toBe(price(5, 2));
  expect(data).toMatchObject({
    usage: { cost: '0.000000000000000016' },
    openledger: { inference: inferenceId, receipt: inferenceId.replace('inf_', 'rct_') },
  });
});

test('an answer given again says whose receipt made it, whole and streamed', async () => {
  const cached = 'rct_00000000000070008000000000000001';
  const again = openAiSurface({
    ...world,
    ...{ log: silentLog, authenticate: world.identity.authenticate },
    gateway: {
      ...world.gateway,
      serve: async (call) => ({
        ...(await world.gateway.serve(call)),
        cachedFrom: 'inf_00000000000070008000000000000001',
      }),
    },
  });
  for (const stream of [false, true]) {
    plays('Hello ', 'you.');
    const response = await again.request('/chat/completions', {
      ...{ method: 'POST', body: JSON.stringify({ ...chat, stream }) },
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    });
    expect(await response.text()).toContain(`"cachedFrom":"${cached}"`);
  }
});

test('a streamed chat completion, with and without its usage', async () => {
  plays('Hello ', 'you.');
  const bare = await client.chat.completions.create({ ...chat, stream: true });
  const seen: (string | null | undefined)[] = [];
  for await (const chunk of bare) {
    seen.push(chunk.choices[0]?.delta.content ?? chunk.choices[0]?.finish_reason);
    expect(chunk.usage).toBeUndefined();
  }
  expect(seen).toEqual(['', 'Hello ', 'you.', 'stop']);

  const stream_options = { include_usage: true };
  const counted = await client.chat.completions.create({ ...chat, stream: true, stream_options });
  const usages = [];
  for await (const { usage, choices } of counted) usages.push([choices.length, usage]);
  expect(usages.slice(0, -1)).toEqual(Array(4).fill([1, null]));
  expect(usages.at(-1)).toMatchObject([0, { prompt_tokens: 5, completion_tokens: 2 }]);
});

test('the client’s own stream helper comes to the same message', async () => {
  plays('Hello ', 'you.');
  const runner = client.chat.completions.stream({
    ...chat,
    stream_options: { include_usage: true },
  });
  expect((await runner.finalChatCompletion()).choices[0].message.content).toBe('Hello you.');
  expect((await runner.totalUsage()).total_tokens).toBe(7);
});

const logprobs = [
  {
    ...{ token: 'né', logprob: -0.5, bytes: [110, 195, 169] },
    top_logprobs: [{ token: 'x', logprob: -1, bytes: [120] }],
  },
];

test('log-probabilities, in both shapes, whole and streamed', async () => {
  world.operator.plays((call) => {
    call.text('né', logprobs);
    call.text('né', logprobs);
    call.finish();
  });
  const ask = { ...chat, logprobs: true, top_logprobs: 1 };
  const whole = await client.chat.completions.create(ask);
  expect(whole.choices[0].logprobs?.content).toEqual([...logprobs, ...logprobs]);
  const chunks = await client.chat.completions.create({ ...ask, stream: true });
  const streamed = [];
  for await (const { choices } of chunks) streamed.push(...(choices[0].logprobs?.content ?? []));
  expect(streamed).toEqual([...logprobs, ...logprobs]);

  const plain = { model: MODEL, prompt: 'x', logprobs: 1 };
  const old = await client.completions.create(plain);
  expect(old.choices[0].logprobs).toEqual({
    tokens: ['né', 'né'],
    token_logprobs: [-0.5, -0.5],
    top_logprobs: [{ x: -1 }, { x: -1 }],
    text_offset: [0, 2],
  });
  const offsets = [];
  for await (const { choices } of await client.completions.create({ ...plain, stream: true })) {
    offsets.push(...(choices[0].logprobs?.text_offset ?? []));
  }
  expect(offsets).toEqual([0, 2]);
});

test('what the client asks for reaches the operator', async () => {
  plays('a');
  await client.chat.completions.create({
    ...{ ...chat, stop: ['x', 'y'], seed: 11, max_completion_tokens: 3, temperature: 0, top_p: 1 },
    ...{ user: 'u', metadata: { a: 'b' }, store: false, n: 1, presence_penalty: 0 },
  });
  const { body } = world.operator.calls[0];
  expect(body).toMatchObject({ stop: ['x', 'y'], seed: 11, max_tokens: 3, temperature: 0 });
});

test('a text completion, whole and streamed', async () => {
  plays('once ', 'upon');
  const prompt = 'It was';
  const whole = await client.completions.create({ model: MODEL, prompt });
  expect(whole).toMatchObject({
    ...{ object: 'text_completion', choices: [{ text: 'once upon', finish_reason: 'stop' }] },
    usage: { total_tokens: 7 },
  });
  expect(world.operator.calls[0].body.max_tokens).toBe(16);
  const stream_options = { include_usage: true };
  const seen = [];
  const options = { model: MODEL, prompt: [prompt], stream: true as const, stream_options };
  for await (const { choices, usage } of await client.completions.create(options)) {
    seen.push(choices[0] ? [choices[0].text, choices[0].finish_reason] : usage?.total_tokens);
  }
  expect(seen).toEqual([['once ', null], ['upon', null], ['', 'stop'], 7]);
});

const failureOf = async (call: Promise<unknown>): Promise<APIError> => {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof APIError) return error;
  throw new Error('It did not fail as the client’s errors do.', { cause: error });
};

test('failures are the client’s own errors, with what can be done about them', async () => {
  plays('a');
  const anyone = await failureOf(surface.clientOf('ol_nobody').models.list());
  expect(anyone).toBeInstanceOf(OpenAI.AuthenticationError);
  expect(anyone).toMatchObject({ status: 401, code: 'unauthorized', type: 'authentication_error' });

  const unknown = await failureOf(client.chat.completions.create({ ...chat, model: 'gpt-9' }));
  expect(unknown).toBeInstanceOf(OpenAI.NotFoundError);
  expect(unknown).toMatchObject({ code: 'model_not_found', param: 'model', status: 404 });
  expect(await failureOf(client.models.retrieve('gpt-9'))).toMatchObject({ status: 404 });

  const reader = await world.payer(0n, { scopes: ['read'] });
  const scope = await failureOf(surface.clientOf(reader.secret).models.list());
  expect(scope).toBeInstanceOf(OpenAI.PermissionDeniedError);
  const other = await world.payer(1000n, { models: ['other'] });
  const model = await failureOf(surface.clientOf(other.secret).chat.completions.create(chat));
  expect(model).toMatchObject({ status: 403, code: 'forbidden' });

  const poor = await world.payer(1n);
  for (const stream of [true, false]) {
    const broke = await failureOf(
      surface.clientOf(poor.secret).chat.completions.create({ ...chat, stream }),
    );
    expect(broke).toMatchObject({ status: 402, code: 'insufficient_funds' });
    expect(broke.error).toMatchObject({
      details: { available: '1', missing: expect.stringMatching(/^\d+$/) },
    });
  }
  expect(await failureOf(client.moderations.create({ input: 'x' }))).toMatchObject({
    ...{ status: 404, code: 'not_found', type: 'invalid_request_error' },
  });
});

test('a key’s rates are in the headers that the client knows, and beyond them it is told when to come again', async () => {
  plays('a');
  const limits = { requestsPerMinute: 2, tokensPerMinute: 1000 };
  const limited = surface.clientOf((await world.payer(10n ** 9n, { limits })).secret);
  const create = (stream: boolean) =>
    limited.chat.completions.create({ ...chat, stream, max_tokens: 10 }).withResponse();
  const { response } = await create(false);
  const header = (name: string) => response.headers.get(`x-ratelimit-${name}`);
  expect([header('limit-requests'), header('remaining-requests')]).toEqual(['2', '1']);
  expect([header('limit-tokens'), header('remaining-tokens')]).toEqual(['1000', '967']);
  expect([header('reset-requests'), header('reset-tokens')]).toEqual(['30s', '1.98s']);
  const streamed = await create(true);
  expect(streamed.response.headers.get('x-ratelimit-remaining-requests')).toBe('0');
  for await (const _ of streamed.data as AsyncIterable<unknown>);

  for (const stream of [false, true]) {
    const error = await failureOf(create(stream));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ status: 429, code: 'rate_limited', type: 'rate_limit_error' });
    const seconds = Number(error.headers?.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(30);
    expect(error.error).toMatchObject({ details: { retryAfterSeconds: seconds } });
  }
  const free = await client.chat.completions.create(chat).withResponse();
  expect([...free.response.headers.keys()].filter((name) => name.includes('ratelimit'))).toEqual(
    [],
  );
});

test.each([
  ['no messages', { messages: [] }, 'messages'],
  ['a temperature out of range', { temperature: 3 }, 'temperature'],
  ['several choices', { n: 2 }, 'n'],
  [
    'a tool without a name',
    { tools: [{ type: 'function', function: {} }] },
    'tools.0.function.name',
  ],
  ['a form of the answer', { response_format: { type: 'xml' } }, 'response_format.type'],
  [
    'a picture',
    { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
    'messages.0.content',
  ],
  ['a penalty', { frequency_penalty: 1 }, 'frequency_penalty'],
  ['no tokens', { max_tokens: 0 }, 'max_tokens'],
  ['a model without a name', { model: '' }, 'model'],
  ['a model with a NUL in its name', { model: 'a\0b' }, 'model'],
  ['a datanet that is none', { openledger: { datanets: ['\0'] } }, 'openledger.datanets.0'],
])('%s is refused, and said by name', async (_, members, param) => {
  plays('a');
  const error = await failureOf(client.chat.completions.create({ ...chat, ...members } as never));
  expect(error).toBeInstanceOf(OpenAI.BadRequestError);
  expect(error).toMatchObject({ param, code: 'invalid_input' });
  expect(world.operator.calls).toHaveLength(0);
});

test.each([
  ['no JSON', '{"model":', 400],
  ['a list', '[]', 400],
  ['nothing', '', 400],
  ['bytes that are not UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 400],
  ['more than the limit', JSON.stringify({ a: 'x'.repeat(4_100_000) }), 413],
])('a body of %s is refused', async (_, body, status) => {
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
  const url = `${surface.url}/v1/chat/completions`;
  const response = await surface.fetch(url, { method: 'POST', headers, body });
  expect(response.status).toBe(status);
});

test('the client’s own error for a body that is too large', async () => {
  const long = [{ role: 'user' as const, content: 'x'.repeat(4_100_000) }];
  const error = await failureOf(client.chat.completions.create({ ...chat, messages: long }));
  expect(error).toMatchObject({ status: 413, code: 'too_large' });
});

test('text of any kind comes through whole', async () => {
  const strange = ['\0', '\ud83d\ude00', '\u2028\r\n\r\ndata: x\n\n', '"\\', '\ud800'];
  plays(...strange);
  const whole = await client.chat.completions.create(chat);
  expect(whole.choices[0].message.content).toBe(strange.join(''));
  let text = '';
  for await (const { choices } of await client.chat.completions.create({ ...chat, stream: true })) {
    text += choices[0].delta.content ?? '';
  }
  expect(text).toBe(strange.join(''));
});

test('an operator that fails before its first word is a 502, also of a stream', async () => {
  world.operator.plays((call) => call.status(500));
  for (const stream of [true, false]) {
    const error = await failureOf(client.chat.completions.create({ ...chat, stream }));
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ status: 502, code: 'operator_failed' });
  }
});

test('a stream that breaks off ends in the client’s error, after what came before', async () => {
  world.operator.plays(async (call) => {
    call.text('half');
    await pause(30);
    call.destroy();
  });
  let text = '';
  const error = await failureOf(
    (async () => {
      const chunks = await client.chat.completions.create({ ...chat, stream: true });
      for await (const { choices } of chunks) text += choices[0].delta.content ?? '';
    })(),
  );
  expect(text).toBe('half');
  expect(error.code).toBe('operator_failed');
});

const lastCall = async (partyId: string) => {
  for (;;) {
    const [last] = await world.gateway.list({ payerId: partyId, limit: 1 });
    if (last && last.status !== 'held') return last;
    await pause(10);
  }
};

test('a client that hangs up on a stream stops the operator, and pays for what was delivered', async () => {
  const { partyId, secret } = await world.payer(1000n);
  world.operator.plays((call) => {
    call.text('one ');
    call.text('two');
  });
  const plain = surface.clientOf(secret, {}); // a recorder would go on reading
  let text = '';
  for await (const { choices } of await plain.chat.completions.create({ ...chat, stream: true })) {
    text += choices[0].delta.content ?? '';
    if (text === 'one two') break; // the client hangs up
  }
  await world.operator.calls[0].closed;
  const { inferenceId } = await lastCall(partyId);

  // What became of it can be asked for, by its payer alone, under the name that the answer had.
  const generationOf = (id: string, key: string) =>
    fetch(`${surface.url}/v1/generations/${id}`, { headers: { authorization: `Bearer ${key}` } });
  for (const id of [inferenceId, inferenceId.replace('inf_', 'chatcmpl-')]) {
    const generation = await generationOf(id, secret);
    expect(await generation.json()).toMatchObject({
      ...{ id: inferenceId, object: 'generation', model: MODEL, status: 'served' },
      ...{ output: 'one two', finish_reason: 'disconnected', estimated: true },
      openledger: { inference: inferenceId, receipt: inferenceId.replace('inf_', 'rct_') },
    });
  }
  const { secret: stranger } = await world.payer(1n);
  expect((await generationOf(inferenceId, stranger)).status).toBe(404);
  expect((await generationOf('nothing', secret)).status).toBe(404);
});

/** A socket of our own, hung up while the operator is silent. */
test.each([
  ['a stream', true],
  ['an answer in one piece', false],
])('a client that hangs up while it waits for %s stops the operator and pays nothing', async (_, stream) => {
  const { partyId, secret } = await world.payer(1000n);
  const asked = new Promise<void>((resolve) => {
    world.operator.plays((call) => {
      if (!stream) call.text('never seen');
      resolve();
    });
  });
  const socket = request(`${surface.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
  });
  socket.on('error', () => {});
  socket.end(JSON.stringify({ ...chat, stream }));
  await asked;
  await pause(50);
  socket.destroy();
  await world.operator.calls[0].closed;
  expect((await lastCall(partyId)).status).toBe('void');
  await expect.poll(() => world.ledger.balance(`${partyId}:available`)).toBe(1000n);
});

test('a client that reads slowly is not charged for what it has not pulled', async () => {
  const { partyId, secret } = await world.payer(10n ** 6n);
  const { id: builderId } = await world.identity.registerParty({ identity: 'local:elsewhere' });
  await world.models.registerExternal({
    ...{ name: 'long', operator: 'remote', operatorModel: 'm', builderId, maxTokens: 10_000 },
    pricing: { promptUnits: 1n, completionUnits: 1n },
  });
  const sent = 2000;
  world.operator.plays((call) => {
    for (let i = 0; i < sent; i++) call.text('x'.repeat(10_000));
  });
  const socket = request(`${surface.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
  });
  socket.on('error', () => {});
  socket.end(JSON.stringify({ ...chat, model: 'long', stream: true, max_tokens: 10_000 }));
  await new Promise((resolve) => socket.once('response', resolve)); // and nothing of it is read
  await pause(300);
  socket.destroy();
  await world.operator.calls[0].closed;
  const { usage, status } = await lastCall(partyId);
  expect(status).toBe('served');
  expect(usage.completionTokens).toBeLessThan(sent);
});
