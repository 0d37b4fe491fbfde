/** The header Idempotency-Key, as the official clients send it. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { APIError } from 'openai';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { MODEL, openTestGateway, price, type TestGateway } from '../../test/harness/gateway.ts';
import { openSurface, type TestSurface } from '../../test/harness/openai-surface.ts';

let world: TestGateway;
let surface: TestSurface;

beforeAll(async () => {
  world = await openTestGateway();
  surface = await openSurface(world);
});

afterAll(async () => {
  await surface.close();
  await world.end();
});

afterEach(async () => {
  await surface.assertAllValid();
  expect([...surface.logged, ...world.errors]).toEqual([]);
});

const greets = () =>
  world.operator.plays((call) => {
    call.text('Hello ');
    call.text('you.');
    call.finish({ prompt: 5, completion: 2 });
  });

const messages = [{ role: 'user' as const, content: 'Say it.' }];
const chat = { model: MODEL, messages, temperature: 0.7 };

const requests: readonly [string, object][] = [
  ['/chat/completions', { messages, temperature: 0.7, stream_options: { include_usage: true } }],
  ['/completions', { prompt: 'Say it.' }],
  ['/responses', { input: 'Say it.', metadata: { of: 'mine' } }],
  ['/messages', { messages, max_tokens: 10 }],
];

const post = (secret: string, path: string, body: object, headers: object = {}) =>
  // What OpenAI describes is held against its description.
  (path === '/messages' ? fetch : surface.fetch)(`${surface.url}/v1${path}`, {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      ...headers,
    },
    body: JSON.stringify({ model: MODEL, ...body }),
  });

const named = (key: string) => ({ 'Idempotency-Key': key });

test.each(
  requests.flatMap(([path, order]) => [
    { path, order, how: 'whole', stream: false },
    { path, order, how: 'streamed', stream: true },
  ]),
)('$path tells its answer again, $how: the same call and receipt, charged once', async ({
  path,
  order,
  stream,
}) => {
  greets();
  const { secret, partyId } = await world.payer(10_000n);
  const body = { ...order, ...(path === '/messages' || stream ? { stream } : {}) };
  const first = await post(secret, path, body, named('"one"'));
  const said = await first.text();
  const reordered = Object.fromEntries(Object.entries(body).reverse());
  const again = await post(secret, path, reordered, named('"one"'));
  const saidAgain = await again.text();
  const told = (response: Response) =>
    ['x-openledger-inference', 'x-openledger-receipt', 'content-type'].map((name) =>
      response.headers.get(name),
    );
  expect([again.status, ...told(again)]).toEqual([200, ...told(first)]);
  expect([first, again].map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([
    null,
    'true',
  ]);
  if (stream)
    expect(saidAgain).toContain('Hello you.'); // in one piece
  else expect(JSON.parse(saidAgain)).toEqual(JSON.parse(said));
  expect(world.operator.calls).toHaveLength(1);
  const [call, ...others] = await world.gateway.list({ payerId: partyId, limit: 9 });
  expect([call.priceUnits, others]).toEqual([price(5, 2), []]);
});

test('OpenAI’s client puts a stream together that is told again, in the words of each of its surfaces', async () => {
  greets();
  const client = surface.clientOf((await world.payer(10_000n)).secret);
  const headers = named('a-stream');
  const streamed = () => client.chat.completions.stream(chat, { headers }).finalChatCompletion();
  const first = await streamed();
  expect(await streamed()).toEqual(first);
  const responded = () =>
    client.responses
      .stream({ model: MODEL, input: 'Say it.' }, { headers: named('a-response') })
      .finalResponse();
  const response = await responded();
  const again = await responded();
  expect([again.id, again.output_text]).toEqual([response.id, 'Hello you.']);
});

test('Anthropic’s client does so too', async () => {
  greets();
  const apiKey = (await world.payer(10_000n)).secret;
  const client = new Anthropic({ apiKey, baseURL: surface.url, maxRetries: 0 });
  const asked = { model: MODEL, max_tokens: 10, messages };
  const streamed = () =>
    client.messages.stream(asked, { headers: named('a-stream') }).finalMessage();
  const first = await streamed();
  expect(await streamed()).toEqual(first);
  expect(world.operator.calls).toHaveLength(1);
});

test('a client that sends keys by itself asks again after a conflict, and has the answer of its first request', async () => {
  class Keyed extends OpenAI {
    protected override idempotencyHeader = 'Idempotency-Key';
  }
  const apiKey = (await world.payer(10_000n)).secret;
  const client = new Keyed({ apiKey, baseURL: `${surface.url}/v1`, maxRetries: 5 });
  let conflicts = 0;
  world.operator.plays(async (call) => {
    call.text('Hello ');
    await expect.poll(() => conflicts, { timeout: 20_000 }).toBe(1);
    call.text('you.');
    call.finish({ prompt: 5, completion: 2 });
  });
  const options = { idempotencyKey: 'mine', timeout: 30_000 };
  const first = client.chat.completions.create(chat, options);
  await expect.poll(() => world.operator.calls.length).toBe(1);
  const counting: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (response.status === 409) {
      expect(response.headers.get('retry-after')).toBe('1');
      conflicts++;
    }
    return response;
  };
  const second = client.withOptions({ fetch: counting }).chat.completions.create(chat, options);
  expect(await second).toEqual(await first);
  expect(world.operator.calls).toHaveLength(1);
});

test('another body under the same key, or another surface, is a conflict that no client tries again', async () => {
  greets();
  const { secret } = await world.payer(10_000n);
  const body = { prompt: 'Say it.' };
  await post(secret, '/completions', body, named('a'));
  const asked = world.operator.calls.length;
  for (const [path, other] of [
    ['/completions', { prompt: 'Say more.' }],
    ['/chat/completions', { messages }],
    ['/messages', { messages, max_tokens: 10 }],
  ] as const) {
    const refused = await post(secret, path, other, named('a'));
    expect([refused.status, refused.headers.get('x-should-retry')]).toEqual([409, 'false']);
    expect(await refused.json()).toMatchObject({ error: { code: 'conflict' } });
  }
  const client = surface.clientOf(secret, { fetch: surface.fetch }).withOptions({ maxRetries: 2 });
  const retried = await client.chat.completions
    .create(chat, { headers: named('a') })
    .catch((error: unknown) => error);
  expect(retried).toBeInstanceOf(APIError);
  expect(world.operator.calls).toHaveLength(asked);
});

test.each([
  ['nothing', ''],
  ['a blank', 'one two'],
  ['a letter beyond ASCII', 'clé'],
  ['256 characters', 'k'.repeat(256)],
])('a key of %s is none', async (_, key) => {
  const { secret } = await world.payer(10_000n);
  const refused = await post(secret, '/completions', { prompt: 'Say it.' }, named(key));
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({ error: { code: 'invalid_input' } });
});

async function all<T>(events: AsyncIterable<T>): Promise<readonly T[]> {
  const told: T[] = [];
  for await (const event of events) told.push(event);
  return told;
}

test('what a lost stream had delivered is told again, as cut short, and says how it broke off', async () => {
  world.operator.plays(async (call) => {
    call.text('Hello ');
    await new Promise((resolve) => setTimeout(resolve, 50));
    call.destroy();
  });
  const { secret } = await world.payer(10_000n);
  const client = surface.clientOf(secret);
  const asked = { ...chat, stream: true } as const;
  const first = await client.chat.completions.create(asked, { headers: named('a') });
  await expect(all(first)).rejects.toThrow();
  const again = await all(await client.chat.completions.create(asked, { headers: named('a') }));
  expect(again.map(({ choices: [choice] }) => choice?.delta.content ?? '').join('')).toBe('Hello ');
  expect(again.at(-1)).toMatchObject({
    choices: [{ finish_reason: 'length' }],
    openledger: { brokenOff: 'operator_failed' },
  });
  const response = { model: MODEL, input: 'Say it.', stream: true } as const;
  const told = async () => all(await client.responses.create(response, { headers: named('b') }));
  await told().catch(() => {});
  expect((await told()).at(-1)).toMatchObject({
    type: 'response.failed',
    response: { status: 'failed', output: [{ content: [{ text: 'Hello ' }] }] },
  });
  expect(world.operator.calls).toHaveLength(2);
});

test('vectors are made once, and the second request is told where they went', async () => {
  const data = [{ object: 'embedding', index: 0, embedding: [1] }];
  world.operator.plays((call) =>
    call.json({ object: 'list', data, usage: { prompt_tokens: 5, total_tokens: 5 } }),
  );
  const { secret } = await world.payer(10_000n);
  const embed = () => post(secret, '/embeddings', { input: 'a' }, named('a'));
  const first = await embed();
  const inference = first.headers.get('x-openledger-inference');
  const second = await embed();
  expect([second.status, second.headers.get('x-should-retry')]).toEqual([409, 'false']);
  expect(await second.json()).toMatchObject({
    error: { code: 'conflict', details: { inference } },
  });
});
