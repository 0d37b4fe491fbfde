import { setTimeout as pause } from 'node:timers/promises';
import type { Id } from '@openledger/protocol';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  ask,
  callTo,
  deliverHandles,
  MODEL,
  openTestGateway,
  price,
  read,
  serve as serveOn,
  type TestGateway,
} from '../../test/harness/gateway.ts';
import type { Caller } from '../identity/index.ts';
import { sql } from '../platform/sql.ts';
import { deliver } from './deliver.ts';
import { CALL_LIMIT_MS, hold } from './hold.ts';
import type { ServeCall } from './index.ts';

let world: TestGateway;

beforeAll(async () => {
  world = await openTestGateway();
});

afterAll(() => world.end());

/** What holds after everything that can happen: no call is open, nothing is held, and every book sums to zero. */
afterEach(async () => {
  const { database, gateway, ledger } = world;
  expect((await gateway.summary()).running).toBe(0);
  expect(world.errors).toEqual([]);
  const served = await database.db.query<{ id: Id<'inference'> }>(
    sql`select id from gateway.inferences where status = 'served'`,
  );
  for (const { id } of served) await gateway.capture(id);
  expect(await database.db.query(sql`select id from ledger.holds`)).toEqual([]);
  const [{ promised }] = await database.db.query<{ promised: string }>(
    sql`select coalesce(sum(reserved_units + tokens_reserved), 0) as promised from gateway.key_spending`,
  );
  expect(promised).toBe('0');
  const prices = await database.db.query<{ sum: string }>(
    sql`select coalesce(sum(price_units), 0) as sum from gateway.inferences where status = 'served'`,
  );
  expect(await ledger.balance('clearing:fees')).toBe(BigInt(prices[0].sum));
  for (const { sum } of await ledger.trialBalance()) expect(sum).toBe(0n);
});

const serve = (caller: Caller, call: Partial<ServeCall> = {}) =>
  serveOn(world.gateway, caller, call);

/** What `ask()` holds: a byte a token and 16 around, and 10 tokens of answer. */
const HELD = price(7 + 16, 10);

const balancesOf = (partyId: string) => world.balancesOf(partyId);

const settled = async (inferenceId: Id<'inference'>) => {
  for (let i = 0; i < 200; i++) {
    const inference = await world.gateway.find(inferenceId);
    if (inference.status !== 'held') return inference;
    await pause(10);
  }
  throw new Error('The call did not end.');
};

test('a served call costs its usage, by the operator’s count, and the rest of the hold goes back', async () => {
  const { caller, partyId } = await world.payer(1000n);
  world.operator.plays((call) => {
    call.text('Hello ');
    call.text('you.');
    call.finish({ prompt: 5, completion: 4 });
  });
  const serving = await serve(caller);
  expect(await balancesOf(partyId)).toEqual([1000n - HELD, HELD]);
  const { text, end } = await read(serving);
  expect(text).toBe('Hello you.');
  expect(end).toEqual({
    ...{ kind: 'end', finishReason: 'stop', priceUnits: price(5, 4) },
    usage: { promptTokens: 5, completionTokens: 4 },
  });
  expect(await world.gateway.find(serving.inferenceId)).toMatchObject({
    ...{ status: 'served', output: 'Hello you.', finishReason: 'stop', estimated: false },
    priceUnits: price(5, 4),
  });
  const announced = await world.database.db.query(sql`
    select task_identifier from graphile_worker.jobs where task_identifier = 'inference.served'`);
  expect(announced).toHaveLength(1);

  await world.gateway.capture(serving.inferenceId);
  await world.gateway.capture(serving.inferenceId);
  expect(await balancesOf(partyId)).toEqual([1000n - price(5, 4), 0n]);
});

test('an operator is not paid for more tokens than its answer has bytes', async () => {
  const { caller } = await world.payer(1000n);
  world.operator.plays((call) => {
    call.text('ok');
    call.finish({ prompt: 5, completion: 90 });
  });
  const { inferenceId, events } = await serve(caller, { request: ask({ max_tokens: 100 }) });
  await read({ events });
  expect(await world.gateway.find(inferenceId)).toMatchObject({
    ...{ usage: { promptTokens: 5, completionTokens: 2 + 16 }, estimated: true },
    priceUnits: price(5, 18),
  });
});

test('the operator gets its key, the model’s own name, the limits and the whole conversation', async () => {
  const { caller } = await world.payer(10_000n);
  world.operator.plays((call) => call.finish());
  const messages = [
    { role: 'system', content: 'Be brief.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Say ' },
        { type: 'text', text: 'it.' },
      ],
    },
  ];
  const members = { messages, seed: 7, temperature: 0.5, top_p: 0.9, stop: 'x', max_tokens: 1e6 };
  await read(
    await serve(caller, { request: ask({ ...members, logprobs: true, top_logprobs: 2 }) }),
  );
  const [{ authorization, body }] = world.operator.calls;
  expect(authorization).toBe('Bearer secret');
  expect(body).toEqual({
    model: 'echo',
    messages: [messages[0], { role: 'user', content: 'Say it.' }],
    ...{ seed: 7, temperature: 0.5, top_p: 0.9, stop: ['x'], max_tokens: 100 },
    ...{ logprobs: true, top_logprobs: 2, stream: true, stream_options: { include_usage: true } },
  });
});

test('without the operator’s count ours is taken, and marked as estimated', async () => {
  const { caller } = await world.payer(1000n);
  world.operator.plays((call) => {
    call.text('a ');
    call.text('b');
    call.finish();
  });
  const serving = await serve(caller);
  const { end } = await read(serving);
  expect(end).toMatchObject({ usage: { promptTokens: 2, completionTokens: 2 } });
  expect(await world.gateway.find(serving.inferenceId)).toMatchObject({
    ...{ estimated: true, priceUnits: price(2, 2) },
  });
});

test.each([
  ['negative', { prompt: -1, completion: -1 }],
  ['not whole', { prompt: 1.5, completion: 2 }],
])('a count that is %s is as good as none', async (_, usage) => {
  const { caller } = await world.payer(1000n);
  world.operator.plays((call) => {
    call.text('a');
    call.finish(usage);
  });
  const serving = await serve(caller);
  await read(serving);
  expect(await world.gateway.find(serving.inferenceId)).toMatchObject({
    ...{ estimated: true, priceUnits: price(2, 1) },
  });
});

test('a count of zero is a value: the call is served and free', async () => {
  const { caller, partyId } = await world.payer(1000n);
  world.operator.plays((call) => {
    call.text('a');
    call.finish({ prompt: 0, completion: 0 });
  });
  const serving = await serve(caller);
  await read(serving);
  expect(await world.gateway.find(serving.inferenceId)).toMatchObject({
    ...{ status: 'served', estimated: false, priceUnits: 0n },
  });
  await world.gateway.capture(serving.inferenceId);
  await world.gateway.capture(serving.inferenceId);
  expect(await balancesOf(partyId)).toEqual([1000n, 0n]);
});

test('an operator that counts more than was held is paid what was held, by a usage that says so', async () => {
  const { caller, partyId } = await world.payer(HELD);
  world.operator.plays((call) => {
    call.text('a');
    call.finish({ prompt: 4_000_000_000, completion: 5_000_000_000 });
  });
  const serving = await serve(caller);
  const { end } = await read(serving);
  expect(end).toMatchObject({
    usage: { promptTokens: 23, completionTokens: 10 },
    priceUnits: HELD,
  });
  expect((await world.gateway.find(serving.inferenceId)).estimated).toBe(true);
  await world.gateway.capture(serving.inferenceId);
  expect(await balancesOf(partyId)).toEqual([0n, 0n]);
});

test('an operator that does not stop is stopped at the limit', async () => {
  const { caller } = await world.payer(1000n);
  world.operator.plays(async (call) => {
    const closed = call.closed.then(() => 'closed');
    while ((await Promise.race([closed, pause(2)])) !== 'closed') call.text('x');
  });
  const { text, end } = await read(await serve(caller));
  expect(text).toBe('x'.repeat(10));
  expect(end).toMatchObject({ finishReason: 'length', usage: { completionTokens: 10 } });
  await world.operator.calls[0].closed;
});

test.each([
  ['refuses', (call) => call.status(500)],
  ['redirects', (call) => call.status(302)],
  ['hangs up', (call) => call.destroy()],
  ['answers garbage', (call) => call.raw('data: {"choices": 7}\n\n')],
  ['answers no JSON', (call) => call.raw('data: <html>\n\n')],
  ['reports an error in the stream', (call) => call.event({ error: { message: 'no' } })],
  ['sends an endless event', (call) => call.raw(`data: ${'x'.repeat(1_100_000)}`)],
] satisfies [
  string,
  Parameters<TestGateway['operator']['plays']>[0],
][])('an operator that %s before its first word costs nothing', async (_, script) => {
  const { caller, partyId } = await world.payer(1000n);
  world.operator.plays(script);
  const serving = await serve(caller);
  await expect(read(serving)).rejects.toMatchObject({ code: 'operator_failed' });
  expect((await world.gateway.find(serving.inferenceId)).status).toBe('void');
  expect(await balancesOf(partyId)).toEqual([1000n, 0n]);
  await world.operator.calls[0].closed;
});

test('an operator that is not there costs nothing', async () => {
  const { caller, partyId } = await world.payer(1000n);
  const { id } = await world.identity.registerParty({ identity: 'local:gone' });
  const baseUrl = 'http://127.0.0.1:1';
  await world.gateway.registerOperator({ name: 'gone', kind: 'openai', partyId: id, baseUrl });
  await world.models.registerExternal({
    ...{ name: 'gone', operator: 'gone', operatorModel: 'm', builderId: id, maxTokens: 9 },
    pricing: { promptUnits: 1n, completionUnits: 1n },
  });
  const serving = await serve(caller, { request: ask({ model: 'gone' }) });
  await expect(read(serving)).rejects.toMatchObject({ code: 'operator_failed' });
  expect(await balancesOf(partyId)).toEqual([1000n, 0n]);
});

const breaksAfterTwo: Parameters<TestGateway['operator']['plays']>[0] = async (call) => {
  call.text('one ');
  call.text('two ');
  await pause(20);
  call.destroy();
};

test('when a stream breaks off, what was delivered is charged', async () => {
  const { caller, partyId } = await world.payer(1000n);
  world.operator.plays(breaksAfterTwo);
  const serving = await serve(caller);
  await expect(read(serving)).rejects.toMatchObject({ code: 'operator_failed' });
  expect(await world.gateway.find(serving.inferenceId)).toMatchObject({
    ...{ status: 'served', output: 'one two ', finishReason: 'operator_failed', estimated: true },
    priceUnits: price(2, 2),
  });
  await world.gateway.capture(serving.inferenceId);
  expect(await balancesOf(partyId)).toEqual([1000n - price(2, 2), 0n]);
});

test('when an answer in one piece breaks off, nobody got anything and nothing is charged', async () => {
  const { caller, partyId } = await world.payer(1000n);
  world.operator.plays(breaksAfterTwo);
  const serving = await serve(caller, { delivery: 'whole' });
  await expect(read(serving)).rejects.toMatchObject({ code: 'operator_failed' });
  expect((await world.gateway.find(serving.inferenceId)).status).toBe('void');
  expect(await balancesOf(partyId)).toEqual([1000n, 0n]);
});

test.each([
  ['breaks', 'destroy'],
  ['ends', 'end'],
] as const)('a stream that %s without a word of its end has broken off; a blank reason is no word', async (_, how) => {
  const { caller } = await world.payer(1000n);
  world.operator.plays((call) => {
    call.raw('data: {"choices":[{"delta":{"content":"half"},"finish_reason":""}]}\n\n');
    call.raw('data: {"choices":[]}'); // no blank line, no end
    setTimeout(() => call[how](), 10);
  });
  await expect(read(await serve(caller))).rejects.toMatchObject({ code: 'operator_failed' });
});

test.each([
  ['no text', '', 'stop'],
  ['white space alone', ' \n', 'length'],
  ['no text, and a blank reason', '', ''],
])('an answer of %s costs nothing, whatever the operator counts', async (_, text, reason) => {
  const { caller, partyId } = await world.payer(1000n);
  world.operator.plays((call) => {
    call.text(text);
    call.finish({ prompt: 5, completion: 3 }, reason);
  });
  const serving = await serve(caller);
  const { end } = await read(serving);
  expect(end).toMatchObject({ priceUnits: 0n, usage: { promptTokens: 0, completionTokens: 0 } });
  expect((await world.gateway.find(serving.inferenceId)).status).toBe('void');
  expect(await balancesOf(partyId)).toEqual([1000n, 0n]);
});

test.each([
  ['streamed', { status: 'served', priceUnits: price(2, 1), finishReason: 'operator_failed' }],
  ['whole', { status: 'void', priceUnits: 0n }],
] as const)('an operator that ends with an error has failed, whatever it counts (%s)', async (delivery, record) => {
  const { caller } = await world.payer(1000n);
  world.operator.plays((call) => {
    call.text('half');
    call.finish({ prompt: 5, completion: 3 }, 'error');
  });
  const serving = await serve(caller, { delivery });
  await expect(read(serving)).rejects.toMatchObject({ code: 'operator_failed' });
  expect(await world.gateway.find(serving.inferenceId)).toMatchObject(record);
});

test('an operator that ends with an error before its first word costs nothing', async () => {
  const { caller, partyId } = await world.payer(1000n);
  world.operator.plays((call) => call.finish({ prompt: 5, completion: 0 }, 'error'));
  await expect(read(await serve(caller))).rejects.toMatchObject({ code: 'operator_failed' });
  expect(await balancesOf(partyId)).toEqual([1000n, 0n]);
});

const neverEnds: Parameters<TestGateway['operator']['plays']>[0] = (call) => {
  call.text('one ');
  call.text('two ');
};

test('a client that leaves a stream stops the operator at once and pays for what it read', async () => {
  const { caller, partyId } = await world.payer(1000n);
  world.operator.plays(neverEnds);
  const client = new AbortController();
  const serving = await serve(caller, { signal: client.signal });
  expect((await serving.events.next()).value).toMatchObject({ text: 'one ' });
  client.abort();
  await world.operator.calls[0].closed;
  expect(await settled(serving.inferenceId)).toMatchObject({
    ...{ status: 'served', output: 'one ', finishReason: 'disconnected' },
    priceUnits: price(2, 1),
  });
  await world.gateway.capture(serving.inferenceId);
  expect(await balancesOf(partyId)).toEqual([1000n - price(2, 1), 0n]);
  expect(await serving.events.next()).toEqual({ done: true, value: undefined });
});

test('a client that leaves while it waits for the next word pays for the words before', async () => {
  const { caller } = await world.payer(1000n);
  world.operator.plays(neverEnds);
  const client = new AbortController();
  const serving = await serve(caller, { signal: client.signal });
  const reading = read(serving);
  await pause(50);
  client.abort();
  expect(await reading).toEqual({ text: 'one two ', end: undefined });
  await world.operator.calls[0].closed;
  expect(await settled(serving.inferenceId)).toMatchObject({ priceUnits: price(2, 2) });
});

test('a reader that stops reading is a client that leaves', async () => {
  const { caller } = await world.payer(1000n);
  world.operator.plays(neverEnds);
  const serving = await serve(caller);
  for await (const _ of serving.events) break;
  await world.operator.calls[0].closed;
  expect((await world.gateway.find(serving.inferenceId)).output).toBe('one ');
});

test.each([
  'streamed',
  'whole',
] as const)('an operator that never answers costs a client that leaves nothing (%s)', async (delivery) => {
  const { caller, partyId } = await world.payer(1000n);
  world.operator.plays(() => {});
  const client = new AbortController();
  const serving = await serve(caller, { delivery, signal: client.signal });
  const reading = read(serving);
  await pause(50);
  client.abort();
  await reading;
  await world.operator.calls[0].closed;
  expect((await settled(serving.inferenceId)).status).toBe('void');
  await expect.poll(() => balancesOf(partyId)).toEqual([1000n, 0n]);
});

test('a client that leaves an answer in one piece got nothing and pays nothing', async () => {
  const { caller, partyId } = await world.payer(1000n);
  world.operator.plays(neverEnds);
  const client = new AbortController();
  const serving = await serve(caller, { delivery: 'whole', signal: client.signal });
  const reading = read(serving);
  await pause(50);
  client.abort();
  await reading;
  await world.operator.calls[0].closed;
  expect((await settled(serving.inferenceId)).status).toBe('void');
  await expect.poll(() => balancesOf(partyId)).toEqual([1000n, 0n]);
});

test('a client that left before anything was read is not served', async () => {
  const { caller, partyId } = await world.payer(1000n);
  world.operator.plays(neverEnds);
  const late = await serve(caller);
  await late.leave();
  const gone = await serve(caller, { signal: AbortSignal.abort() });
  expect((await settled(gone.inferenceId)).status).toBe('void');
  expect((await settled(late.inferenceId)).status).toBe('void');
  await expect.poll(() => balancesOf(partyId)).toEqual([1000n, 0n]);
  expect(world.operator.calls).toHaveLength(0);
});

test('leaving after the end changes nothing', async () => {
  const { caller } = await world.payer(1000n);
  world.operator.plays((call) => {
    call.text('a');
    call.finish({ prompt: 1, completion: 1 });
  });
  const client = new AbortController();
  const serving = await serve(caller, { delivery: 'whole', signal: client.signal });
  await read(serving);
  client.abort();
  await serving.leave();
  expect(await world.gateway.find(serving.inferenceId)).toMatchObject({
    ...{ status: 'served', finishReason: 'stop', priceUnits: price(1, 1) },
  });
});

const word = { kind: 'text' as const, text: 'a', tokens: 1, logprobs: [] };

test('a stream that was heard out leaves its connection to the operator for the next', async () => {
  const { caller } = await world.payer(100_000n);
  world.operator.plays((call) => {
    call.text('a');
    call.finish();
  });
  const ask = async () => {
    await read(await serve(caller));
    await pause(20); // its end is read away after ours
  };
  await ask();
  const before = world.operator.connections();
  for (let i = 0; i < 5; i++) await ask();
  expect(world.operator.connections()).toBe(before);
});

test('an operator that takes too long is stopped', async () => {
  let stopped = false;
  async function* slowly({ signal }: { readonly signal: AbortSignal }) {
    yield word;
    await pause(60_000, undefined, { signal }).finally(() => {
      stopped = signal.aborted;
    });
  }
  const inferenceId = 'inf_00000000000070008000000000000002';
  const call = callTo(world, slowly, { inferenceId, delivery: 'streamed' });
  const handles = deliverHandles(world);
  await expect(read(deliver(handles, call, 50))).rejects.toThrow();
  expect(stopped).toBe(true);
});

test('an operator that goes on after the client has left earns nothing for an answer in one piece', async () => {
  async function* deafly() {
    yield word;
    await pause(50);
    yield { kind: 'end' as const, finishReason: 'stop' as const, usage: undefined };
  }
  const { caller } = await world.payer(1000n);
  const { inferenceId, leave } = await serve(caller);
  const handles = deliverHandles(world);
  const delivering = deliver(
    handles,
    callTo(world, deafly, { inferenceId, delivery: 'whole' }),
    CALL_LIMIT_MS,
  );
  const reading = read(delivering);
  await pause(10);
  await delivering.leave();
  expect((await reading).end).toBeUndefined(); // nobody waits for it
  expect((await world.gateway.find(inferenceId)).status).toBe('void');
  await leave();
});

test('an empty wallet is told what is missing, and no operator is asked', async () => {
  const { caller, partyId } = await world.payer(HELD - 1n);
  world.operator.plays(neverEnds);
  await expect(serve(caller)).rejects.toMatchObject({
    ...{ code: 'insufficient_funds', status: 402 },
    details: { missing: '1', available: `${HELD - 1n}`, account: `${partyId}:available` },
  });
  expect(world.operator.calls).toHaveLength(0);
});

test('a free model needs no money', async () => {
  const { id } = await world.identity.registerParty({ identity: 'local:elsewhere' });
  await world.models.registerExternal({
    ...{ name: 'free', operator: 'remote', operatorModel: 'm', builderId: id, maxTokens: 9 },
    pricing: { promptUnits: 0n, completionUnits: 0n },
  });
  const { caller } = await world.payer(0n);
  world.operator.plays((call) => {
    call.text('a');
    call.finish({ prompt: 1, completion: 1 });
  });
  const serving = await serve(caller, { request: ask({ model: 'free' }) });
  expect((await read(serving)).text).toBe('a');
  await world.gateway.capture(serving.inferenceId);
  expect((await world.gateway.find(serving.inferenceId)).status).toBe('served');
});

test('an unknown model and one that the key may not call are refused before anything is held', async () => {
  const { caller, partyId } = await world.payer(1000n, { models: [MODEL] });
  await expect(serve(caller, { request: ask({ model: 'nobody' }) })).rejects.toMatchObject({
    ...{ code: 'model_not_found', status: 404 },
  });
  const other = await world.payer(1000n, { models: ['other'] });
  await expect(serve(other.caller)).rejects.toMatchObject({
    ...{ code: 'forbidden', details: { models: ['other'] } },
  });
  expect(await balancesOf(partyId)).toEqual([1000n, 0n]);
  await (await serve(caller)).leave();
});

test('50 calls at once on money for 10: exactly 10 are served', async () => {
  const { caller, partyId } = await world.payer(10n * HELD);
  world.operator.plays(async (call) => {
    await pause(20);
    call.text('a');
    call.finish({ prompt: 5, completion: 1 });
  });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, async () => read(await serve(caller))),
  );
  const refused = outcomes.filter((one) => one.status === 'rejected').map((one) => one.reason.code);
  expect(refused).toEqual(Array(40).fill('insufficient_funds'));
  expect(world.operator.calls).toHaveLength(10);
  const served = await world.gateway.list({ payerId: partyId, limit: 100 });
  expect(served.map(({ status }) => status)).toEqual(Array(10).fill('served'));
  for (const { inferenceId } of served) await world.gateway.capture(inferenceId);
  expect(await balancesOf(partyId)).toEqual([10n * (HELD - price(5, 1)), 0n]);
});

test('50 calls at once never pass a key’s spending limit, and what they did not use is free again', async () => {
  const limitUnits = 4n * HELD;
  const { caller, partyId } = await world.payer(1_000_000n, { limitUnits });
  let open = 0;
  let most = 0;
  world.operator.plays(async (call) => {
    most = Math.max(most, ++open);
    call.text('a');
    await pause(10);
    open--;
    call.finish({ prompt: 5, completion: 1 });
  });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, async () => read(await serve(caller))),
  );
  expect(most).toBeLessThanOrEqual(4);
  const refused = outcomes.filter((one) => one.status === 'rejected');
  expect(new Set(refused.map((one) => one.reason.code))).toEqual(new Set(['insufficient_funds']));
  const spent = async () =>
    (await world.gateway.list({ payerId: partyId, limit: 500 })).reduce(
      (sum, { priceUnits }) => sum + priceUnits,
      0n,
    );
  expect(await spent()).toBeLessThanOrEqual(limitUnits);

  // One after the other until the limit refuses: then less than one hold is left of it.
  const last: { details?: Record<string, string> } = await (async () => {
    for (;;) await read(await serve(caller));
  })().catch((error) => error);
  expect(await spent()).toBeGreaterThan(limitUnits - HELD);
  expect(await spent()).toBeLessThanOrEqual(limitUnits);
  expect(last.details).toEqual({
    limit: `${limitUnits}`,
    available: `${limitUnits - (await spent())}`,
    missing: `${HELD - (limitUnits - (await spent()))}`,
    scope: 'key',
  });
});

test('a process that dies between hold and record leaves a hold that expires', async () => {
  const { partyId } = await world.payer(1000n);
  const inferenceId = 'inf_00000000000070008000000000000001' as const;
  await hold(world, { inferenceId, heldUnits: 600n, payerId: partyId });
  await world.gateway.sweep();
  expect(await balancesOf(partyId)).toEqual([400n, 600n]);
  world.clock.pass(16 * 60_000);
  await world.gateway.sweep();
  expect(await balancesOf(partyId)).toEqual([1000n, 0n]);
});

test('a process that dies in the middle of a call leaves it void, its hold and its key’s promise free', async () => {
  const { caller, partyId } = await world.payer(1000n, { limitUnits: HELD });
  const { inferenceId } = await serve(caller); // and nobody ever reads
  await expect(serve(caller)).rejects.toMatchObject({ code: 'insufficient_funds' });
  await world.gateway.sweep();
  expect((await world.gateway.find(inferenceId)).status).toBe('held');
  world.clock.pass(16 * 60_000);
  await world.gateway.sweep();
  expect((await world.gateway.find(inferenceId)).status).toBe('void');
  expect(await balancesOf(partyId)).toEqual([1000n, 0n]);
  await (await serve(caller)).leave();
});

test('a process that dies after serving still captures, however late it comes back', async () => {
  const { caller, partyId } = await world.payer(1000n);
  world.operator.plays((call) => {
    call.text('a');
    call.finish({ prompt: 5, completion: 1 });
  });
  await read(await serve(caller));
  world.clock.pass(24 * 3_600_000);
  await world.gateway.sweep();
  expect(await balancesOf(partyId)).toEqual([1000n - price(5, 1), 0n]);
});

test('a call that was not served is not captured', async () => {
  const { caller } = await world.payer(1000n);
  const { inferenceId, leave } = await serve(caller);
  await expect(world.gateway.capture(inferenceId)).rejects.toMatchObject({
    code: 'unprocessable',
  });
  await leave();
  await expect(world.gateway.capture(inferenceId)).rejects.toMatchObject({
    code: 'unprocessable',
  });
});

test('records of a datanet that the request names come before the model, and into the record of the call', async () => {
  const { partyId, caller } = await world.payer(10_000n);
  const { datanets } = world;
  const { id: datanet } = await datanets.create({ name: 'tides', ownerId: partyId });
  const text =
    'The tide turns twice a day because the earth turns under two bulges of water, one facing the moon.';
  const { recordHash } = await datanets.contribute({
    ...{ datanetId: datanet, partyId },
    draft: { text, licence: 'MIT' },
  });
  const snapshot = await datanets.seal(datanet);
  world.operator.plays((call) => {
    call.text('Twice.');
    call.finish();
  });
  const request = ask({
    messages: [{ role: 'user', content: 'How often does the tide turn?' }],
    openledger: { datanets: [datanet] },
  });
  const serving = await serve(caller, { request });
  await read(serving);
  expect(world.operator.calls[0].body.messages).toEqual([
    { role: 'system', content: text },
    { role: 'user', content: 'How often does the tide turn?' },
  ]);
  const inference = await world.gateway.find(serving.inferenceId);
  expect(inference.retrieved).toEqual([{ recordHash, snapshotId: snapshot.id }]);
  expect(inference.clientTexts).toEqual(['How often does the tide turn?']);
});

test('a paid call leaves out what is not for sale, and refuses to mix what no one licence allows', async () => {
  const { partyId, caller } = await world.payer(10_000n);
  const { datanets } = world;
  const licences = ['CC-BY-NC-4.0', 'CC-BY-SA-4.0', 'ODbL-1.0'];
  const { id: datanet } = await datanets.create({ name: 'dunes', ownerId: partyId, licences });
  const add = (text: string, licence: string) =>
    datanets.contribute({ datanetId: datanet, partyId, draft: { text, licence } });
  await add('The dunes walk east by a metre each year, says the survey.', 'CC-BY-NC-4.0');
  const { recordHash } = await add('The dunes were planted with marram grass.', 'CC-BY-SA-4.0');
  await datanets.seal(datanet);
  world.operator.plays((call) => {
    call.text('East.');
    call.finish();
  });
  const request = ask({
    messages: [{ role: 'user', content: 'Where do the dunes walk?' }],
    openledger: { datanets: [datanet] },
  });
  const serving = await serve(caller, { request });
  await read(serving);
  expect(serving.retrieved.map((one) => one.recordHash)).toEqual([recordHash]);
  await world.gateway.capture(serving.inferenceId);

  const balances = await balancesOf(partyId);
  await add('The dunes walk over the old church, where the path to it was.', 'ODbL-1.0');
  await datanets.seal(datanet);
  await expect(serve(caller, { request })).rejects.toMatchObject({
    code: 'licences_conflict',
    details: { licences: expect.arrayContaining(['CC-BY-SA-4.0', 'ODbL-1.0']) },
  });
  expect(await balancesOf(partyId)).toEqual(balances);
});

test('an operator’s name is its party’s', async () => {
  const [one, other] = [await world.payer(0n), await world.payer(0n)];
  const baseUrl = 'http://127.0.0.1:2';
  const named = { name: 'mine', kind: 'openai', baseUrl } as const;
  await world.gateway.registerOperator({ ...named, partyId: one.partyId });
  await expect(
    world.gateway.registerOperator({ ...named, partyId: other.partyId }),
  ).rejects.toMatchObject({ code: 'conflict' });
  await expect(world.gateway.assertOperator('mine', other.caller)).rejects.toMatchObject({
    code: 'forbidden',
  });
  await world.gateway.assertOperator('mine', one.caller);
});
