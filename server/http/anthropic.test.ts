import Anthropic, { APIError } from '@anthropic-ai/sdk';
import { formatOpen } from '@openledger/protocol';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { MODEL, openTestGateway, price, type TestGateway } from '../../test/harness/gateway.ts';
import { createLog } from '../platform/log.ts';
import { createHttp } from './app.ts';
import { type Listening, listen } from './listen.ts';
import { openAiSurface } from './openai.ts';

let world: TestGateway;
let listening: Listening;
let client: Anthropic;
const logged: string[] = [];

const clientOf = (apiKey: string) =>
  new Anthropic({ apiKey, baseURL: listening.url, maxRetries: 0 });

beforeAll(async () => {
  world = await openTestGateway();
  const log = createLog((line) => line.includes('"level":"error"') && logged.push(line));
  const { authenticate } = world.identity;
  const http = createHttp({
    ...{ routes: [], authenticate, log },
    mount: (app) => app.route('/v1', openAiSurface({ ...world, authenticate, log })),
  });
  listening = await listen(http, { host: '127.0.0.1', port: 0 });
  client = clientOf((await world.payer(10n ** 9n)).secret);
});

afterAll(async () => {
  await listening.close();
  await world.end();
});

afterEach(() => expect([...logged, ...world.errors]).toEqual([]));

const plays = (...texts: readonly string[]) =>
  world.operator.plays((call) => {
    for (const text of texts) call.text(text);
    call.finish({ prompt: 5, completion: texts.length });
  });

const asked = {
  ...{ model: MODEL, max_tokens: 20, system: 'Be brief.' },
  messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'Say it.' }] }],
};

test('a message: the text, why it ended, what it cost, and its receipt', async () => {
  plays('Hello ', 'you.');
  const { data, response } = await client.messages.create(asked).withResponse();
  expect(data).toMatchObject({
    ...{ type: 'message', role: 'assistant', model: MODEL, stop_reason: 'end_turn' },
    content: [{ type: 'text', text: 'Hello you.' }],
    usage: { input_tokens: 5, output_tokens: 2, cost: formatOpen(price(5, 2)) },
  });
  expect(data.id).toMatch(/^msg_[0-9a-f]{32}$/);
  expect(response.headers.get('x-openledger-receipt')).toBe(data.id.replace('msg_', 'rct_'));
  const sent = world.operator.calls.at(-1)?.body as {
    messages: { role: string; content: string }[];
  };
  expect(sent.messages.map(({ role, content }) => [role, content])).toEqual([
    ['system', 'Be brief.'],
    ['user', 'Say it.'],
  ]);
});

test('a streamed message comes piece by piece, and ends with its usage', async () => {
  plays('Hello ', 'you.');
  const stream = client.messages.stream(asked);
  const pieces: string[] = [];
  stream.on('text', (piece) => pieces.push(piece));
  const whole = await stream.finalMessage();
  expect(pieces).toEqual(['Hello ', 'you.']);
  expect(whole).toMatchObject({
    ...{ stop_reason: 'end_turn', content: [{ type: 'text', text: 'Hello you.' }] },
    usage: { output_tokens: 2 },
  });
});

test('errors are the kind that its client knows, and cost nothing', async () => {
  const failing = async (work: Promise<unknown>) => {
    const error = await work.then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!(error instanceof APIError)) throw error;
    const body = error.error as { type: string; error: { type: string } };
    return [error.status, body.type, body.error.type];
  };
  expect(await failing(clientOf('ol_wrong').messages.create(asked))).toEqual([
    ...[401, 'error', 'authentication_error'],
  ]);
  const { secret } = await world.payer(0n);
  expect(await failing(clientOf(secret).messages.create(asked))).toEqual([
    ...[402, 'error', 'billing_error'],
  ]);
  expect(await failing(client.messages.create({ ...asked, model: 'nobody' }))).toEqual([
    ...[404, 'error', 'not_found_error'],
  ]);
  expect(await failing(client.messages.create({ ...asked, max_tokens: 0 }))).toEqual([
    ...[400, 'error', 'invalid_request_error'],
  ]);
  const tool = { name: 'look', input_schema: { type: 'object' as const } };
  expect(await failing(client.messages.create({ ...asked, tools: [tool] }))).toEqual([
    ...[400, 'error', 'invalid_request_error'],
  ]);
});

test('a key’s rates are told in its client’s own headers, and when to come again', async () => {
  plays('Hello.');
  const limits = { requestsPerMinute: 1 };
  const limited = clientOf((await world.payer(10n ** 9n, { limits })).secret);
  const { response } = await limited.messages.create(asked).withResponse();
  const header = (name: string) => response.headers.get(`anthropic-ratelimit-requests-${name}`);
  expect([header('limit'), header('remaining')]).toEqual(['1', '0']);
  const resetMs = Date.parse(header('reset') as string) - Date.now();
  expect(resetMs).toBeGreaterThan(0);
  expect(resetMs).toBeLessThanOrEqual(60_000);
  const error = await limited.messages.create(asked).then(
    () => undefined,
    (failure: unknown) => failure,
  );
  if (!(error instanceof Anthropic.RateLimitError)) throw error;
  expect(Number(error.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(error.error).toMatchObject({ error: { type: 'rate_limit_error', code: 'rate_limited' } });
});

test('a stream whose operator fails under way says so in it', async () => {
  world.operator.plays((call) => {
    call.text('Hello ');
    call.destroy();
  });
  const stream = client.messages.stream(asked);
  await expect(stream.finalMessage()).rejects.toThrow();
});
