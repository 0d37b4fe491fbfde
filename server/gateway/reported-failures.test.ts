/**
 * Failures that users of other gateways have reported in 2025 and 2026, each as a promise of this one. Where it is shown elsewhere, the
 * comment says where: the calls of every surface count (`http/surfaces.test.ts`), a key's quota under concurrency and promises
 * that leak (`limits.test.ts`).
 */
import { setTimeout as pause } from 'node:timers/promises';
import { formatOpen } from '@openledger/protocol';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  ask,
  callTo,
  deliverHandles,
  MODEL,
  openTestGateway,
  price,
  read,
  serve,
  type TestGateway,
} from '../../test/harness/gateway.ts';
import { openSurface, type TestSurface } from '../../test/harness/openai-surface.ts';
import { deliver } from './deliver.ts';

const MONEY = 10_000n;

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
  expect((await world.gateway.summary()).running).toBe(0);
  for (const { sum } of await world.ledger.trialBalance()) expect(sum).toBe(0n);
});

const once = { openledger: { route: { attempts: 1 } } };

/** One call of a payer of its own: how it ended, and what is left of his money. */
async function ended(delivery: 'streamed' | 'whole', members: object = once) {
  const { caller, partyId } = await world.payer(MONEY);
  const serving = await serve(world.gateway, caller, { request: ask(members), delivery });
  await read(serving).catch(() => {});
  const found = await world.gateway.find(serving.inferenceId);
  if (found.status === 'served') await world.gateway.capture(serving.inferenceId);
  const [available, held] = await world.balancesOf(partyId);
  return { ...found, paid: MONEY - available, held };
}

const speaks = (usage?: { prompt: number; completion: number }) =>
  world.operator.plays((call) => {
    call.text('Hello ');
    call.text('you.');
    call.finish(usage);
  });

// LiteLLM #37923
test('a stream is charged like an answer in one piece, also where its operator tells no usage', async () => {
  speaks({ prompt: 5, completion: 4 });
  for (const delivery of ['streamed', 'whole'] as const) {
    expect((await ended(delivery)).paid).toBe(price(5, 4));
  }
  speaks();
  for (const delivery of ['streamed', 'whole'] as const) {
    expect((await ended(delivery)).paid).toBe(price(2, 2));
  }
});

// LiteLLM #33736 and #37558, new-api #5235
test('a client that hangs up in the middle of a stream pays for what it had, no less and no more', async () => {
  world.operator.plays(async (call) => {
    call.text('Hello ');
    call.text('you.');
    await call.closed;
  });
  const { caller, partyId } = await world.payer(MONEY);
  const { events, leave, inferenceId } = await serve(world.gateway, caller);
  await events.next();
  await events.next();
  await leave();
  await world.gateway.capture(inferenceId);
  expect(await world.balancesOf(partyId)).toEqual([MONEY - price(2, 2), 0n]);
});

// LiteLLM #13245
test('a client that hangs up before its whole answer pays nothing, its operator is stopped, and the record says why', async () => {
  let stopped = false;
  world.operator.plays(async (call) => {
    await call.closed;
    stopped = true;
  });
  const { caller, partyId } = await world.payer(MONEY);
  const { events, leave, inferenceId } = await serve(world.gateway, caller, { delivery: 'whole' });
  const reading = events.next();
  await pause(20);
  await leave();
  await reading;
  await pause(20);
  expect(stopped).toBe(true);
  expect(await world.gateway.find(inferenceId)).toMatchObject({
    ...{ status: 'void', finishReason: 'disconnected' },
  });
  expect(await world.balancesOf(partyId)).toEqual([MONEY, 0n]);
});

// LiteLLM #37992
test('a usage of zero is a usage: it is not replaced by an estimate', async () => {
  speaks({ prompt: 0, completion: 0 });
  expect(await ended('streamed')).toMatchObject({ status: 'served', paid: 0n, estimated: false });
  expect(await ended('whole')).toMatchObject({ status: 'served', paid: 0n, estimated: false });
});

// LiteLLM #30527
test('a stream that ended as it should is on record as that, also where its client closes at once', async () => {
  speaks({ prompt: 5, completion: 4 });
  const { caller } = await world.payer(MONEY);
  const { events, leave, inferenceId } = await serve(world.gateway, caller);
  for await (const event of events) if (event.kind === 'end') break;
  await leave();
  expect(await world.gateway.find(inferenceId)).toMatchObject({ finishReason: 'stop' });
});

// new-api #5288 and #5289
test('of a stream that is cut, the prompt is paid at the price of prompts and the text at that of answers', async () => {
  world.operator.plays(async (call) => {
    call.text('one ');
    await pause(20);
    call.destroy();
  });
  const { usage, paid } = await ended('streamed');
  expect(usage).toEqual({ promptTokens: 2, completionTokens: 1 });
  expect(paid).toBe(2n * 2n + 1n * 3n);
});

// new-api #6609; of a key's quota: `limits.test.ts`
test('a wallet for three calls pays for three, however many ask at once', async () => {
  speaks({ prompt: 23, completion: 10 });
  const { caller, partyId } = await world.payer(3n * price(23, 10));
  const calls = Array.from({ length: 20 }, () =>
    serve(world.gateway, caller).then(async (serving) => {
      await read(serving);
      await world.gateway.capture(serving.inferenceId);
    }),
  );
  const ends = await Promise.allSettled(calls);
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  expect(await world.balancesOf(partyId)).toEqual([0n, 0n]);
});

// new-api #4429
test('a fault of our own in the middle of a call leaves nothing held', async () => {
  const { caller, partyId } = await world.payer(MONEY);
  const { inferenceId, leave } = await serve(world.gateway, caller);
  async function* generate(): AsyncGenerator<never, void, void> {
    yield* [];
    throw new TypeError('Cannot read properties of undefined.');
  }
  const call = callTo(world, generate, { inferenceId, delivery: 'streamed' });
  await expect(read(deliver(deliverHandles(world), call, 1000))).rejects.toThrow(TypeError);
  await leave();
  expect((await world.gateway.find(inferenceId)).status).toBe('void');
  expect(await world.balancesOf(partyId)).toEqual([MONEY, 0n]);
});

// new-api #7486
test.each([
  ['without its closing mark', ''],
  ['in the middle of an event', 'data: {"choices":[{"del'],
] as const)('a stream that ends %s is charged once', async (_, rest) => {
  world.operator.plays((call) => {
    call.text('Hello ');
    call.event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
    call.event({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 4 } });
    if (rest) call.raw(rest);
    call.end();
  });
  expect(await ended('streamed')).toMatchObject({ status: 'served', paid: price(5, 4), held: 0n });
});

// boxel #4328
test('whoever lost the last chunk of a stream finds its cost by its id', async () => {
  world.operator.plays(async (call) => {
    call.text('Hello ');
    call.text('you.');
    await call.closed;
  });
  const { secret } = await world.payer(MONEY);
  const authorization = { authorization: `Bearer ${secret}` };
  const leaving = new AbortController();
  const response = await fetch(`${surface.url}/v1/chat/completions`, {
    ...{ method: 'POST', headers: authorization, signal: leaving.signal },
    body: JSON.stringify({
      ...{ model: MODEL, stream: true, messages: [{ role: 'user', content: 'Say it.' }] },
    }),
  });
  const id = response.headers.get('x-openledger-inference');
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let seen = '';
  while (!seen.includes('you.')) seen += Buffer.from((await reader.read()).value ?? []);
  leaving.abort();
  let generation: { status?: string; usage?: { cost: string } } = {};
  while (generation.status !== 'served') {
    await pause(10);
    const found = await fetch(`${surface.url}/v1/generations/${id}`, { headers: authorization });
    generation = (await found.json()) as typeof generation;
  }
  expect(generation.usage?.cost).toBe(formatOpen(price(2, 2)));
});

// OpenRouter's insurance
test.each([
  ['nothing', ''],
  ['white space', ' \n\t'],
] as const)('an answer of %s costs nothing, whatever its operator counts', async (_, text) => {
  world.operator.plays((call) => {
    if (text) call.text(text);
    call.finish({ prompt: 5, completion: 40 });
  });
  for (const delivery of ['streamed', 'whole'] as const) {
    expect(await ended(delivery)).toMatchObject({ status: 'void', paid: 0n, held: 0n });
  }
});
