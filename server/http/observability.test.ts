import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { attributesOf, startCollector, type TestCollector } from '../../test/harness/collector.ts';
import {
  ask,
  MODEL,
  openTestGateway,
  price,
  read,
  serve,
  type TestGateway,
} from '../../test/harness/gateway.ts';
import { createCallObservation } from '../insights/index.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics, type Metrics } from '../platform/metrics.ts';
import { openTracing, type Tracing } from '../platform/tracing.ts';
import { createHttp } from './app.ts';
import { gatewayRoutes } from './gateway.ts';
import { type Listening, listen } from './listen.ts';
import { openAiSurface } from './openai.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const CHAT = '/v1/chat/completions';

let world: TestGateway;
let collector: TestCollector;
let secret: string;
let partyId: string;
let metrics: Metrics;
let tracing: Tracing;
let listening: Listening;
const lines: string[] = [];
const log = createLog((line) => lines.push(line));

beforeAll(async () => {
  world = await openTestGateway();
  ({ secret, partyId } = await world.payer(10n ** 9n));
});

afterAll(() => world.end());

/** Counted, traced and logged from nothing, each time. */
beforeEach(async () => {
  collector = await startCollector();
  metrics = createMetrics();
  const { registry } = metrics;
  tracing = await openTracing({ url: collector.url, registry, log, instance: 'ins_1' });
  listening = await listenWith(tracing);
  lines.length = 0;
});

afterEach(async () => {
  await listening.close();
  await tracing.stop();
  await collector.close();
});

async function listenWith(to: Tracing | undefined): Promise<Listening> {
  const observe = createCallObservation({ metrics, tracing: to, log });
  const gateway = world.openGateway({ observer: observe });
  const { authenticate } = world.identity;
  const http = createHttp({
    ...{ routes: gatewayRoutes({ models: world.models, gateway }), authenticate, log, observe },
    registry: metrics.registry,
    metrics: () => metrics.text(),
    mount: (app) => app.route('/v1', openAiSurface({ ...world, gateway, authenticate, log })),
  });
  return listen(http, { host: '127.0.0.1', port: 0 });
}

const plays = (...texts: readonly string[]) =>
  world.operator.plays((call) => {
    for (const text of texts) call.text(text);
    call.finish({ prompt: 5, completion: texts.length });
  });

type Sent = { readonly body?: object | string; readonly headers?: Record<string, string> };

const post = (path: string, { body, headers }: Sent = {}): Promise<Response> =>
  fetch(`${listening.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify({ ...chat, ...body }),
  });

const chat = { model: MODEL, max_tokens: 10, messages: [{ role: 'user', content: 'Say it.' }] };

/** What is counted under a name and labels, which may stand in any order. */
async function counted(name: string, labels: Readonly<Record<string, string>> = {}) {
  const { values } = (await metrics.registry.getSingleMetric(name)?.get()) ?? { values: [] };
  const found = values.filter((value) =>
    Object.entries(labels).every(([label, text]) => value.labels[label] === text),
  );
  return found.reduce((sum, { value }) => sum + value, 0);
}

const requestsLogged = () =>
  lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'http.request');

test('a call is counted once, with its tokens, its price and what it took', async () => {
  plays('a', 'b');
  await (await post(CHAT)).json();
  const of = { model: MODEL, operator: 'remote' };
  expect(await counted('openledger_calls_total')).toBe(1);
  expect(await counted('openledger_calls_total', { ...of, surface: CHAT, outcome: 'served' })).toBe(
    1,
  );
  expect(await counted('openledger_calls_open')).toBe(0);
  expect(await counted('openledger_call_tokens_total', { ...of, direction: 'in' })).toBe(5);
  expect(await counted('openledger_call_tokens_total', { ...of, direction: 'out' })).toBe(2);
  const open = await counted('openledger_charged_open_total', of);
  expect(open).toBeCloseTo(Number(price(5, 2)) / 1e18, 30);
  const attempts = { operator: 'remote', outcome: 'ended' };
  expect(await counted('openledger_operator_attempts_total', attempts)).toBe(1);
  const text = await (await fetch(`${listening.url}/metrics`)).text();
  for (const name of ['call_duration', 'call_first_token']) {
    const line = `openledger_${name}_seconds_count{model="${MODEL}",operator="remote"} 1`;
    expect(text.split('\n')).toContain(line);
  }
  expect(text).toContain('openledger_call_overhead_seconds_count{delivery="whole"} 1\n');
  expect(text).toContain('process_cpu_seconds_total');
});

test.each([
  ['no_such_model', { model: 'nobody/knows' }, 'refused:model_not_found', 'none'],
  ['a body that is none', '{', 'refused:invalid_input', 'none'],
  ['a key nobody has', {}, 'refused:unauthorized', 'none'],
  ['more than is there', { max_tokens: 100 }, 'refused:insufficient_funds', MODEL],
])('%s is counted as refused, by a name of the registry or none', async (what, body, outcome, model) => {
  const poor = await world.payer(1n);
  const key = what.startsWith('a key')
    ? 'ol_nobody'
    : outcome.endsWith('funds')
      ? poor.secret
      : secret;
  const response = await post(CHAT, { body, headers: { authorization: `Bearer ${key}` } });
  await response.text();
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(await counted('openledger_calls_total')).toBe(1);
  expect(await counted('openledger_calls_total', { surface: CHAT, outcome, model })).toBe(1);
  expect(await counted('openledger_calls_open')).toBe(0);
  const [line] = requestsLogged();
  expect(line).toMatchObject({ route: CHAT, outcome, error: outcome.slice('refused:'.length) });
  expect(await metrics.text()).not.toContain('nobody/knows');
});

test('an operator that fails before its first word is asked again, and in the end makes a void call', async () => {
  world.operator.plays((call) => call.status(500));
  const response = await post(CHAT);
  expect(response.status).toBe(502);
  await response.text();
  expect(await counted('openledger_calls_total', { outcome: 'void', model: MODEL })).toBe(1);
  const failed = { operator: 'remote', outcome: 'failed' };
  expect(await counted('openledger_operator_attempts_total', failed)).toBe(3);
  await tracing.stop();
  const [attempt, , , call] = collector.spans.map((span) => ({ ...span, ...attributesOf(span) }));
  expect(attempt).toMatchObject({ 'error.type': 'operator_failed', status: { code: 2 } });
  expect(call).toMatchObject({ 'error.type': 'operator_failed', 'openledger.outcome': 'void' });
});

test('a stream that its client leaves is told as what it came to, once it has ended', async () => {
  world.operator.plays(async (call) => {
    call.text('first');
    await call.closed;
  });
  const leaving = new AbortController();
  const response = await fetch(`${listening.url}${CHAT}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}` },
    body: JSON.stringify({ ...chat, stream: true }),
    signal: leaving.signal,
  });
  const reader = response.body?.getReader();
  let read = '';
  while (!read.includes('first')) read += new TextDecoder().decode((await reader?.read())?.value);
  expect(await counted('openledger_calls_open')).toBe(1);
  expect(requestsLogged()).toEqual([]);
  leaving.abort();
  while (requestsLogged().length === 0) await pause(5);
  const [line] = requestsLogged();
  expect(line).toMatchObject({ status: 200, outcome: 'served', finishReason: 'disconnected' });
  expect(await counted('openledger_calls_open')).toBe(0);
  const stopped = { operator: 'remote', outcome: 'stopped' };
  expect(await counted('openledger_operator_attempts_total', stopped)).toBe(1);
});

test('the log has one line a request: who, what, how much, and no text', async () => {
  plays('a', 'b');
  const response = await post(CHAT);
  const { openledger } = await response.json();
  expect(requestsLogged()).toEqual([
    {
      ...{ at: expect.any(String), level: 'info', event: 'http.request' },
      requestId: response.headers.get('x-request-id'),
      traceId: response.headers.get('x-trace-id'),
      ...{ method: 'POST', route: CHAT, status: 200, ms: expect.any(Number) },
      requestBytes: JSON.stringify(chat).length,
      ...{ keyId: expect.stringMatching(/^key_/), partyId },
      ...{ inferenceId: openledger.inference, model: MODEL, operator: 'remote' },
      ...{ outcome: 'served', finishReason: 'stop', promptTokens: 5, completionTokens: 2 },
      ...{ units: price(5, 2).toString(), attempts: 1 },
      ...{ firstTextMs: expect.any(Number), overheadMs: expect.any(Number) },
    },
  ]);
});

test('an answer says what the gateway itself took, and a stream what it took up to its first byte', async () => {
  world.operator.plays(async (call) => {
    await pause(60);
    call.text('a');
    call.finish();
  });
  const whole = await post(CHAT);
  await whole.json();
  const overheadMs = Number(whole.headers.get('x-openledger-overhead-ms'));
  const timing = /^gateway;dur=([\d.]+), operator;dur=([\d.]+)$/.exec(
    whole.headers.get('server-timing') ?? '',
  );
  expect(overheadMs).toBeGreaterThan(0);
  expect(Number(timing?.[1])).toBe(overheadMs);
  expect(Number(timing?.[2])).toBeGreaterThanOrEqual(55);
  const streamed = await post(CHAT, { body: { stream: true } });
  await streamed.text();
  expect(streamed.headers.get('x-openledger-overhead-ms')).toBeNull();
  expect(Number(streamed.headers.get('x-openledger-overhead-first-byte-ms'))).toBeGreaterThan(0);
});

test('a trace goes in with the client and out to the operator, and its state is left as it is', async () => {
  plays('a');
  const headers = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'vendor=1, other=x y' };
  const response = await post(CHAT, { headers });
  await response.json();
  expect(response.headers.get('x-trace-id')).toBe(TRACE);
  expect(requestsLogged()[0].traceId).toBe(TRACE);
  const sent = world.operator.calls[0].headers;
  expect(sent.tracestate).toBe('vendor=1, other=x y');
  expect(sent.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
  expect(sent.traceparent).not.toContain(SPAN);
  await tracing.stop();
  const [attempt, call] = collector.spans;
  expect(call).toMatchObject({ traceId: TRACE, parentSpanId: SPAN });
  expect(attempt).toMatchObject({ traceId: TRACE, parentSpanId: call.spanId });
  expect(sent.traceparent).toContain(attempt.spanId);
});

test('a malformed trace is not joined: a new one begins, and nothing of the old is sent on', async () => {
  plays('a');
  const headers = { traceparent: `00-${TRACE}-${SPAN}`, tracestate: 'vendor=1' };
  const response = await post(CHAT, { headers });
  await response.json();
  const traceId = response.headers.get('x-trace-id');
  expect(traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(traceId).not.toBe(TRACE);
  const sent = world.operator.calls[0].headers;
  expect(sent.traceparent).toContain(`00-${traceId}-`);
  expect(sent.tracestate).toBeUndefined();
  await tracing.stop();
  expect(collector.spans.map((span) => span.traceId)).toEqual([traceId, traceId]);
});

test('spans say what OpenTelemetry asks of generative calls', async () => {
  plays('a', 'b');
  const { openledger } = await (await post(CHAT)).json();
  await tracing.stop();
  expect(collector.paths).toEqual(['POST /v1/traces application/json']);
  const [attempt, call] = collector.spans;
  expect(attempt).toMatchObject({ name: 'chat echo', kind: 3 });
  const { hostname, port } = new URL(world.operator.baseUrl);
  expect(attributesOf(attempt)).toEqual({
    ...{ 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'openai' },
    ...{ 'gen_ai.request.model': 'echo', 'gen_ai.request.max_tokens': 10 },
    ...{ 'server.address': hostname, 'server.port': Number(port), 'openledger.operator': 'remote' },
    'gen_ai.response.finish_reasons': ['stop'],
    ...{ 'gen_ai.usage.input_tokens': 5, 'gen_ai.usage.output_tokens': 2 },
  });
  expect(call).toMatchObject({ name: `chat ${MODEL}`, kind: 2 });
  expect(attributesOf(call)).toEqual({
    ...{ 'http.route': CHAT, 'openledger.operator': 'remote', 'openledger.attempts': 1 },
    ...{ 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'openledger' },
    ...{ 'gen_ai.request.model': MODEL, 'gen_ai.request.max_tokens': 10 },
    ...{ 'gen_ai.response.model': MODEL, 'gen_ai.response.finish_reasons': ['stop'] },
    ...{ 'gen_ai.usage.input_tokens': 5, 'gen_ai.usage.output_tokens': 2 },
    ...{ 'openledger.outcome': 'served', 'openledger.inference.id': openledger.inference },
    'openledger.price_units': price(5, 2).toString(),
  });
  expect(BigInt(call.startTimeUnixNano)).toBeLessThanOrEqual(BigInt(attempt.startTimeUnixNano));
  expect(BigInt(call.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(attempt.endTimeUnixNano));
});

test('spans of embeddings are named so, and have no limit of what is written', async () => {
  world.operator.plays((call) =>
    call.json({ data: [{ index: 0, embedding: [1] }], usage: { prompt_tokens: 5 } }),
  );
  const body = JSON.stringify({ model: MODEL, input: 'Say it.' });
  await (await post('/v1/embeddings', { body })).json();
  await tracing.stop();
  const [attempt, call] = collector.spans;
  expect([attempt.name, call.name]).toEqual(['embeddings echo', `embeddings ${MODEL}`]);
  for (const span of [attempt, call]) {
    const attributes = attributesOf(span);
    expect(attributes).toMatchObject({
      ...{ 'gen_ai.operation.name': 'embeddings', 'gen_ai.usage.input_tokens': 5 },
    });
    expect(attributes).not.toHaveProperty(['gen_ai.request.max_tokens']);
  }
  expect(attributesOf(call)).toMatchObject({ 'http.route': '/v1/embeddings' });
  expect(world.operator.calls[0].headers.traceparent).toContain(attempt.spanId);
  expect(await counted('openledger_calls_total', { surface: '/v1/embeddings' })).toBe(1);
});

test('a trace that its client does not record is not recorded here, and the operator hears that', async () => {
  plays('a');
  await (await post(CHAT, { headers: { traceparent: `00-${TRACE}-${SPAN}-00` } })).json();
  await tracing.stop();
  expect(collector.bodies).toEqual([]);
  const sent = world.operator.calls[0].headers;
  expect(sent.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
});

test('without a collector the trace still goes on, under a span id of its own', async () => {
  await listening.close();
  metrics = createMetrics();
  listening = await listenWith(undefined);
  plays('a');
  await (await post(CHAT, { headers: { traceparent: `00-${TRACE}-${SPAN}-01` } })).json();
  const sent = world.operator.calls[0].headers;
  expect(sent.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
  expect(sent.traceparent).not.toContain(SPAN);
  expect(collector.bodies).toEqual([]);
});

test('a collector that is down or refuses slows no call, and what it missed is counted', async () => {
  plays('a');
  collector.answers((response) => response.writeHead(400).end());
  await (await post(CHAT)).json();
  await tracing.stop();
  expect(await counted('openledger_trace_spans_total', { outcome: 'refused' })).toBe(2);
  expect(lines.map((line) => JSON.parse(line).event)).toContain('tracing.refused');
  expect(collector.paths).toHaveLength(1);
});

test('spans that a collector does not take in time are dropped and counted, never kept without bound', async () => {
  collector.answers(() => {}); // and so is never done with what it was sent
  const trace = { traceId: TRACE, parentId: SPAN, sampled: true, state: undefined };
  const one = () =>
    tracing
      .start({ name: 'n', kind: 'client', trace, startedAt: performance.now(), attributes: {} })
      .end({ attributes: {} });
  for (let i = 0; i < 3000; i++) one();
  expect(await counted('openledger_trace_spans_total', { outcome: 'queue_full' })).toBe(
    3000 - 2048,
  );
  plays('a');
  expect((await post(CHAT)).status).toBe(200);
});

/** Whatever somebody may have meant for the model, or for nobody. */
const SECRET = 'zanzibar-Marmalade-71';
const said = { role: 'user', content: SECRET };
const encoded = encodeURIComponent(SECRET);

test.each<readonly [string, string, Sent]>([
  ['a prompt', CHAT, { body: { messages: [said] } }],
  ['a streamed prompt', CHAT, { body: { messages: [said], stream: true } }],
  ['a system prompt', CHAT, { body: { messages: [{ ...said, role: 'system' }] } }],
  ['a completion', '/v1/completions', { body: { prompt: SECRET, messages: undefined } }],
  ["Anthropic's words", '/v1/messages', { body: { system: SECRET, messages: [said] } }],
  ['a stop sequence', CHAT, { body: { stop: [SECRET] } }],
  ['a user', CHAT, { body: { user: SECRET, metadata: { note: SECRET } } }],
  [
    'a tool and its arguments',
    CHAT,
    {
      body: {
        messages: [
          {
            ...{ role: 'assistant', content: null },
            tool_calls: [
              { id: SECRET, type: 'function', function: { name: 'f', arguments: SECRET } },
            ],
          },
          { role: 'tool', tool_call_id: SECRET, content: SECRET },
        ],
        tools: [{ type: 'function', function: { name: SECRET, description: SECRET } }],
      },
    },
  ],
  ['a wrong field', CHAT, { body: { temperature: SECRET } }],
  ['a role', CHAT, { body: { messages: [{ role: SECRET, content: SECRET }] } }],
  ['a body that is no JSON', CHAT, { body: `{"messages": ${SECRET}` }],
  ['a body that ends early', '/v1/messages', { body: `{"system": "${SECRET}` }],
  ['a model that nobody knows', CHAT, { body: { model: SECRET } }],
  ['a path', `/v1/${encoded}`, {}],
  ['a path of the API', `/api/gateway/${encoded}`, {}],
  ['a query', `${CHAT}?prompt=${encoded}`, {}],
  ['a wrong operator', '/api/gateway/operators', { body: { name: SECRET, baseUrl: SECRET } }],
  ['a key', CHAT, { headers: { authorization: `Bearer ${SECRET}` } }],
  ['a key of its own header', '/v1/messages', { headers: { 'x-api-key': SECRET } }],
  ['a trace', CHAT, { headers: { traceparent: SECRET, tracestate: SECRET } }],
])('%s is never logged, counted or traced', async (_, path, sent) => {
  plays(SECRET, 'b');
  await (await post(path, sent)).text();
  await fetch(`${listening.url}/v1/models/${encoded}?q=${encoded}`, {
    headers: { authorization: `Bearer ${secret}` },
  }).then((response) => response.text());
  await expectUntold();
});

test.each<readonly [string, Parameters<TestGateway['operator']['plays']>[0]]>([
  ['with an error event', (call) => call.event({ error: { message: SECRET } })],
  ['with no chunk', (call) => call.raw(`data: {"choices": "${SECRET}"}\n\n`)],
  ['with no JSON', (call) => call.raw(`data: <html>${SECRET}\n\n`)],
  [
    'with a reason of its own',
    (call) => {
      call.text('a');
      call.finish(undefined, SECRET);
    },
  ],
  [
    'half way',
    (call) => {
      call.text(SECRET);
      call.destroy();
    },
  ],
])('an operator that repeats the prompt and ends %s is not repeated', async (_, script) => {
  world.operator.plays(async (call) => {
    await script(call);
    call.end();
  });
  const body = { messages: [said], stream: true };
  await (await post(CHAT, { body })).text().catch(() => '');
  await expectUntold();
});

async function expectUntold(): Promise<void> {
  await tracing.stop();
  const metricsText = await (await fetch(`${listening.url}/metrics`)).text();
  const told = [...lines, ...world.errors, ...collector.bodies, metricsText].join('\n');
  expect(requestsLogged().length).toBeGreaterThanOrEqual(1);
  expect(told).not.toContain(SECRET);
  expect(told).not.toContain(secret);
  expect(told).not.toContain('Marmalade');
}

test('what no route answers is counted under one name, whatever was asked for', async () => {
  for (const path of ['/api/a', '/b', '/api/gateway/c']) await (await post(path)).text();
  const text = await metrics.text();
  expect(text).toContain('{route="unmatched",method="POST",status="404"} 3\n');
  expect(requestsLogged().map(({ route }) => route)).toEqual(Array(3).fill('unmatched'));
});

test('a call that came by no surface, and an answer given again, are counted as such', async () => {
  const fresh = createMetrics();
  const observer = createCallObservation({ metrics: fresh, tracing, log });
  const gateway = world.openGateway({
    observer,
    cache: { seconds: 60, pricePpm: 100_000, sharedPricePpm: 500_000 },
  });
  const { caller } = await world.payer(10n ** 9n);
  plays('a', 'b');
  for (let i = 0; i < 2; i++) {
    const serving = await serve(gateway, caller, { request: ask({ temperature: 0 }) });
    await read(serving);
    await gateway.capture(serving.inferenceId);
  }
  const text = await fresh.text();
  const labels = `surface="internal",model="${MODEL}",operator="remote",outcome="served"`;
  expect(text).toContain(`openledger_calls_total{${labels}} 2\n`);
  expect(text).toContain(`openledger_cache_hits_total{model="${MODEL}"} 1\n`);
  expect(text).toContain(
    'openledger_operator_attempts_total{operator="remote",outcome="ended"} 1\n',
  );
});
