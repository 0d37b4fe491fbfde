import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { embeddingOutput, formatOpen } from '@openledger/protocol';
import fc from 'fast-check';
import OpenAI, { APIError } from 'openai';
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
let secret: string;
/** What OpenAI describes goes by `recorded`; base64, which its clients ask for by themselves, it does not. */
let client: OpenAI;
let recorded: OpenAI;

beforeAll(async () => {
  world = await openTestGateway();
  surface = await openSurface(world);
  ({ secret } = await world.payer(10n ** 9n));
  client = clientOf(secret);
  recorded = surface.clientOf(secret);
});

afterAll(async () => {
  await surface.close();
  await world.end();
});

afterEach(async () => {
  await surface.assertAllValid();
  expect([...surface.logged, ...world.errors]).toEqual([]);
});

const clientOf = (apiKey: string) => surface.clientOf(apiKey, {});

const listOf = (...embeddings: readonly unknown[]) => ({
  object: 'list',
  data: embeddings.map((embedding, index) => ({ object: 'embedding', index, embedding })),
  usage: { prompt_tokens: 5, total_tokens: 5 },
});

const gives = (...embeddings: readonly unknown[]) =>
  world.operator.plays((call) => call.json(listOf(...embeddings)));

const post = (body: unknown) =>
  fetch(`${surface.url}/v1/embeddings`, {
    ...{ method: 'POST', body: JSON.stringify(body) },
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
  });

test('the official client gets its vectors, their price, and where the receipt is', async () => {
  gives([0.1, -0.25]);
  const { data, response } = await recorded.embeddings
    .create({ model: MODEL, input: 'Say it.', encoding_format: 'float' })
    .withResponse();
  const inference = response.headers.get('x-openledger-inference') as string;
  const receipt = inference.replace('inf_', 'rct_');
  expect(response.headers.get('x-openledger-receipt')).toBe(receipt);
  const cost = formatOpen(price(5, 0));
  expect(response.headers.get('x-openledger-price')).toBe(cost);
  expect(data).toEqual({
    ...{ object: 'list', model: MODEL },
    data: [{ object: 'embedding', index: 0, embedding: [0.1, -0.25] }],
    usage: { prompt_tokens: 5, total_tokens: 5, cost },
    openledger: { inference, receipt, price: cost },
  });
  expect(await world.gateway.find(inference)).toMatchObject({ priceUnits: price(5, 0) });
});

test.runIf(hasSchemas)('the schema bites', () => {
  const [one] = listOf([1]).data;
  const wrong = { ...listOf([1]), model: 'm', data: [{ ...one, embedding: ['1'] }] };
  expect(() => assertValid('CreateEmbeddingResponse', wrong)).toThrow();
});

test('the client asks for base64 by itself, and comes to the same numbers, whichever form the operator gives', async () => {
  const numbers = [0.1, -0.25, 3e38, 1e-45].map(Math.fround);
  const encoded = Buffer.from(Float32Array.from(numbers).buffer).toString('base64');
  for (const given of [numbers, encoded]) {
    gives(given);
    const { data } = await client.embeddings.create({ model: MODEL, input: 'a' });
    expect(world.operator.calls[0].body.encoding_format).toBe('base64');
    expect(data[0].embedding).toEqual(numbers);
    const wire = await post({ model: MODEL, input: 'a', encoding_format: 'base64' });
    expect(await wire.json()).toMatchObject({ data: [{ embedding: encoded }] });
    const plain = await client.embeddings.create({
      ...{ model: MODEL, input: 'a', encoding_format: 'float' },
    });
    expect(plain.data[0].embedding.map(Math.fround)).toEqual(numbers);
  }
});

test('numbers come as the operator wrote them, and are those of the bytes in single precision', async () => {
  const number = fc.double({ noNaN: true, min: -1e38, max: 1e38 });
  await fc.assert(
    fc.asyncProperty(fc.array(number, { minLength: 1, maxLength: 40 }), async (values) => {
      gives(values);
      const written = await post({ model: MODEL, input: 'a' });
      const text = await written.text();
      expect(text).toContain(`"embedding":${JSON.stringify(values)}`);
      const encoded = await client.embeddings.create({ model: MODEL, input: 'a' });
      const [{ embedding }] = encoded.data;
      expect(embedding).toEqual(values.map((value) => Math.fround(value) + 0)); // zero has no sign
      const { inference } = JSON.parse(text).openledger;
      expect(embeddingOutput([embedding])).toBe((await world.gateway.find(inference)).output);
    }),
    { numRuns: 30 },
  );
});

test('what the receipt commits to can be made again of what the client has', async () => {
  gives([0.1, 0.2], [0.3, 0.4]);
  const { data, response } = await client.embeddings
    .create({ model: MODEL, input: ['a', 'b'] })
    .withResponse();
  const inference = response.headers.get('x-openledger-inference') as string;
  const { output } = await world.gateway.find(inference);
  expect(embeddingOutput(data.data.map(({ embedding }) => embedding))).toBe(output);

  const generation = await fetch(`${surface.url}/v1/generations/${inference}`, {
    headers: { authorization: `Bearer ${secret}` },
  });
  expect(await generation.json()).toMatchObject({
    ...{ id: inference, object: 'generation', model: MODEL, status: 'served', output },
    ...{ finish_reason: 'stop', estimated: false },
    usage: { prompt_tokens: 5, completion_tokens: 0, total_tokens: 5 },
  });
});

test('a key’s rates are in the headers that the client knows', async () => {
  gives([1]);
  const limits = { requestsPerMinute: 2, tokensPerMinute: 100 };
  const limited = surface.clientOf((await world.payer(10_000n, { limits })).secret);
  const order = { model: MODEL, input: 'Say it.', encoding_format: 'float' } as const;
  const { response } = await limited.embeddings.create(order).withResponse();
  expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('1');
  expect(response.headers.get('x-ratelimit-remaining-tokens')).toBe(`${100 - (7 + 16)}`);
  const long = await failureOf(limited.embeddings.create({ ...order, input: 'x'.repeat(100) }));
  expect(long).toMatchObject({ status: 413, code: 'too_large' });
});

test('of a call for embeddings there is no response to be read again', async () => {
  gives([1]);
  const { openledger } = (await (await post({ model: MODEL, input: 'a' })).json()) as {
    openledger: { inference: string };
  };
  const id = openledger.inference.replace('inf_', 'resp_');
  expect(await failureOf(recorded.responses.retrieve(id))).toMatchObject({ status: 404 });
});

test('a batch of as many texts as OpenAI takes comes back in its order', async () => {
  const input = Array.from({ length: 2048 }, (_, i) => `text ${i}`);
  world.operator.plays((call) => {
    const texts = call.body.input as string[];
    const { data, ...rest } = listOf(...texts.map((text) => [Number(text.slice(5)), 1]));
    call.json({ ...rest, data: data.reverse() });
  });
  const { data } = await client.embeddings.create({ model: MODEL, input });
  expect(data.map(({ index, embedding }) => [index, embedding[0]])).toEqual(
    input.map((_, i) => [i, i]),
  );
});

test('tokens are passed on as they are, one list of them or several', async () => {
  for (const [input, passed] of [
    [[1, 2], [[1, 2]]],
    [
      [[1, 2], [3]],
      [[1, 2], [3]],
    ],
  ] as const) {
    gives(...passed.map(() => [1]));
    const { data } = await client.embeddings.create({
      ...{ model: MODEL, input: input as unknown as number[] },
    });
    expect(data).toHaveLength(passed.length);
    expect(world.operator.calls[0].body.input).toEqual(passed);
  }
});

const failureOf = async (call: Promise<unknown>): Promise<APIError> => {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof APIError) return error;
  throw new Error('It did not fail as the client’s errors do.', { cause: error });
};

test.each([
  ['no input', { input: undefined }, 'input'],
  ['an empty text', { input: '' }, 'input'],
  ['an empty text among others', { input: ['a', ''] }, 'input.1'],
  ['an empty list', { input: [] }, 'input'],
  ['no tokens', { input: [[1], []] }, 'input.1'],
  ['texts and tokens together', { input: ['a', [1]] }, 'input'],
  ['half a token', { input: [0.5] }, 'input'],
  ['a negative token', { input: [-1] }, 'input'],
  ['more texts than OpenAI takes', { input: Array(2049).fill('a') }, 'input'],
  ['no dimensions', { dimensions: 0 }, 'dimensions'],
  ['another encoding', { encoding_format: 'hex' }, 'encoding_format'],
  ['a model without a name', { model: '' }, 'model'],
  ['context', { openledger: { datanets: [] } }, 'openledger'],
])('%s is refused, and said by name', async (_, members, param) => {
  gives([1]);
  const body = { model: MODEL, input: 'a', ...members };
  const error = await failureOf(recorded.embeddings.create(body as never));
  expect(error).toBeInstanceOf(OpenAI.BadRequestError);
  expect(error).toMatchObject({ param, code: 'invalid_input' });
  expect(world.operator.calls).toHaveLength(0);
});

test('failures are the client’s own errors', async () => {
  gives([1], [2]);
  const ask = { model: MODEL, input: 'a' };
  expect(await failureOf(recorded.embeddings.create(ask))).toMatchObject({
    ...{ status: 502, code: 'operator_failed' },
  });
  world.operator.plays((call) => call.status(404));
  const refused = await failureOf(recorded.embeddings.create(ask));
  expect(refused).toMatchObject({ status: 502, error: { details: { operatorStatus: 404 } } });
  const unknown = await failureOf(recorded.embeddings.create({ ...ask, model: 'gpt-9' }));
  expect(unknown).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
  const nobody = await failureOf(surface.clientOf('ol_nobody').embeddings.create(ask));
  expect(nobody).toBeInstanceOf(OpenAI.AuthenticationError);
  const reader = await world.payer(1000n, { scopes: ['read'] });
  const scope = await failureOf(surface.clientOf(reader.secret).embeddings.create(ask));
  expect(scope).toBeInstanceOf(OpenAI.PermissionDeniedError);
  const poor = await world.payer(1n);
  const broke = await failureOf(surface.clientOf(poor.secret).embeddings.create(ask));
  expect(broke).toMatchObject({ status: 402, code: 'insufficient_funds' });
  const long = await failureOf(
    recorded.embeddings.create({ ...ask, input: 'x'.repeat(4_100_000) }),
  );
  expect(long).toMatchObject({ status: 413, code: 'too_large' });
});

test('a client that hangs up while it waits stops the operator and pays nothing', async () => {
  const { partyId, secret } = await world.payer(1000n);
  const asked = new Promise<void>((resolve) => world.operator.plays(() => resolve()));
  const socket = request(`${surface.url}/v1/embeddings`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
  });
  socket.on('error', () => {});
  socket.end(JSON.stringify({ model: MODEL, input: 'Say it.' }));
  await asked;
  await pause(50);
  socket.destroy();
  await world.operator.calls[0].closed;
  await expect.poll(() => world.balancesOf(partyId)).toEqual([1000n, 0n]);
  const [{ status }] = await world.gateway.list({ payerId: partyId, limit: 1 });
  expect(status).toBe('void');
});
