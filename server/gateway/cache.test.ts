/** Answers given again: on real stages, by a hold a call and by leases. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Id } from '@openledger/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
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
import { sql } from '../platform/sql.ts';
import { boundCache, requestHashOf } from './cache.ts';
import { deliver } from './deliver.ts';
import type { Gateway, GatewayHandles, GenerationRequest } from './index.ts';

const CACHE = { seconds: 60, pricePpm: 500_000, sharedPricePpm: 1_000_000 };

/** A request without chance. */
const sure = (members: object = {}) => ask({ temperature: 0, ...members });

/** What 5 tokens in and 4 out cost out of the cache: 1 unit a token in, and 1.5 out, rounded up. */
const CACHED_PRICE = 5n * 1n + 4n * 2n;

let world: TestGateway;
let gateway: Gateway;

const openWorld = async (handles: Partial<GatewayHandles> = {}) => {
  world = await openTestGateway();
  gateway = world.openGateway({ cache: CACHE, ...handles });
  await gateway.recover();
  greets();
};

const greets = () =>
  world.operator.plays((call) => {
    call.text('Hello ');
    call.text('you.');
    call.finish({ prompt: 5, completion: 4 });
  });

const endWorld = async () => {
  expect(world.errors).toEqual([]);
  for (const { sum } of await world.ledger.trialBalance()) expect(sum).toBe(0n);
  await world.end();
};

/** Asks, reads to the end and pays. */
async function paid(
  payer: { readonly caller: Parameters<typeof serve>[1] },
  call: Parameters<typeof serve>[2] = { request: sure() },
) {
  const serving = await serve(gateway, payer.caller, call);
  const { inferenceId, cachedFrom } = serving;
  const answer = await read(serving);
  await gateway.capture(inferenceId);
  return { ...answer, inferenceId, cachedFrom };
}
const timesAsked = () => world.operator.calls.length;

describe.each(['holds', 'leases'] as const)('paid for by %s', (kind) => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'openledger-cache-'));
    await openWorld({ leases: kind === 'leases' ? { folder } : undefined });
  });
  afterEach(async () => {
    await endWorld();
    await rm(folder, { recursive: true, force: true });
  });

  test.each([
    'streamed',
    'whole',
  ] as const)('the same request again is answered out of the cache, at its price, and cites the call that made it (%s)', async (delivery) => {
    const payer = await world.payer(1_000n);
    const first = await paid(payer);
    const again = await paid(payer, { request: sure(), delivery });
    expect(timesAsked()).toBe(1);
    expect(again.text).toBe('Hello you.');
    expect(again.end).toEqual({
      ...{ kind: 'end', finishReason: 'stop', priceUnits: CACHED_PRICE },
      usage: { promptTokens: 5, completionTokens: 4 },
    });
    expect([first.cachedFrom, again.cachedFrom]).toEqual([undefined, first.inferenceId]);
    const [made, given] = [
      await gateway.find(first.inferenceId),
      await gateway.find(again.inferenceId),
    ];
    expect(made).toMatchObject({ cachedFrom: undefined, priceUnits: price(5, 4) });
    expect(given).toMatchObject({
      ...{ status: 'served', cachedFrom: first.inferenceId, priceUnits: CACHED_PRICE },
      ...{ output: made.output, route: made.route, retrieved: made.retrieved, estimated: false },
    });
    await gateway.stop();
    expect(await world.balancesOf(payer.partyId)).toEqual([
      1_000n - price(5, 4) - CACHED_PRICE,
      0n,
    ]);
    expect(await world.ledger.balance('clearing:fees')).toBe(price(5, 4) + CACHED_PRICE);
  });

  test('a cached answer needs no more money than it costs, and that much it needs', async () => {
    const left = 76n - price(5, 4); // what is left of what the first call sets aside
    const spent = left - CACHED_PRICE;
    const payer = await world.payer(76n);
    await paid(payer);
    await expect.poll(async () => (await world.balancesOf(payer.partyId))[1]).toBeLessThan(76n);
    await paid(payer);
    await gateway.stop();
    expect(await world.balancesOf(payer.partyId)).toEqual([spent, 0n]);
  });

  test('a client that leaves before it has read a cached answer pays nothing', async () => {
    const payer = await world.payer(1_000n);
    await paid(payer);
    const serving = await serve(gateway, payer.caller, { request: sure() });
    await serving.leave();
    expect((await gateway.find(serving.inferenceId)).status).toBe('void');
    await gateway.stop();
    expect(await world.balancesOf(payer.partyId)).toEqual([1_000n - price(5, 4), 0n]);
  });
});

describe('what is given again', () => {
  beforeAll(() => openWorld());
  beforeEach(() => greets());
  afterAll(() => endWorld());

  test('nothing, to another payer', async () => {
    await paid(await world.payer(1_000n));
    const other = await paid(await world.payer(1_000n));
    expect([other.cachedFrom, timesAsked()]).toEqual([undefined, 2]);
  });

  test.each<[string, GenerationRequest, GenerationRequest]>([
    ['that asks something else', sure(), sure({ messages: [{ role: 'user', content: 'Say' }] })],
    ['for another length', sure(), sure({ max_tokens: 11 })],
    ['with another seed', ask({ seed: 1 }), ask({ seed: 2 })],
    ['that wants it made anew', sure(), sure({ openledger: { cache: false } })],
    ['that leaves it to chance', ask(), ask()],
    ['for log-probabilities', sure({ logprobs: true }), sure({ logprobs: true })],
  ])('nothing, for a request %s', async (_, first, second) => {
    const payer = await world.payer(1_000n);
    await paid(payer, { request: first });
    await paid(payer, { request: second });
    expect(timesAsked()).toBe(2);
  });

  test('what was sampled with a seed, for the same seed', async () => {
    const payer = await world.payer(1_000n);
    await paid(payer, { request: ask({ seed: 7 }) });
    await paid(payer, { request: ask({ seed: 7 }) });
    expect(timesAsked()).toBe(1);
  });

  test('nothing that has not been paid for', async () => {
    const payer = await world.payer(1_000n);
    const first = await serve(gateway, payer.caller, { request: sure() });
    await read(first);
    expect((await paid(payer)).cachedFrom).toBeUndefined();
    await gateway.capture(first.inferenceId);
  });

  test.each<[string, Parameters<TestGateway['operator']['plays']>[0]]>([
    [
      'broken off',
      async (call) => {
        call.text('Hel');
        await new Promise((resolve) => setTimeout(resolve, 20));
        call.destroy();
      },
    ],
    [
      'counted by nobody who knows',
      (call) => {
        call.text('Hello');
        call.finish();
      },
    ],
    ['without text', (call) => call.finish({ prompt: 5, completion: 0 })],
  ])('nothing that was %s', async (_, script) => {
    const payer = await world.payer(1_000n);
    world.operator.plays(script);
    const first = await serve(gateway, payer.caller, { request: sure() });
    await read(first).catch(() => {});
    await gateway.capture(first.inferenceId).catch(() => {});
    const second = await serve(gateway, payer.caller, { request: sure() });
    expect(second.cachedFrom).toBeUndefined();
    await second.leave();
  });

  test('nothing after its time, counted from when it was made', async () => {
    const payer = await world.payer(1_000n);
    const first = await paid(payer);
    world.clock.pass(40_000);
    expect((await paid(payer)).cachedFrom).toBe(first.inferenceId);
    world.clock.pass(30_000);
    const third = await paid(payer);
    expect(third.cachedFrom).toBeUndefined();
    expect((await paid(payer)).cachedFrom).toBe(third.inferenceId);
  });

  test('a key’s spending limit counts what it costs out of the cache', async () => {
    const payer = await world.payer(1_000n, { limitUnits: 76n });
    await paid(payer);
    for (let i = 0; i < 4; i++) await paid(payer); // 22 + 4 * 13 = 74
    await expect(serve(gateway, payer.caller, { request: sure() })).rejects.toMatchObject({
      ...{ code: 'insufficient_funds', details: { missing: '11' } },
    });
  });
});

/** A request without chance whose answer may come from others and go to them. */
const shared = (members: object = {}) => sure({ openledger: { cache: 'shared' }, ...members });

describe('what is shared', () => {
  beforeAll(() => openWorld());
  beforeEach(() => greets());
  afterAll(() => endWorld());

  const twoPayers = async () => [await world.payer(1_000n), await world.payer(1_000n)] as const;
  const SHARED_PRICE = price(5, 4);

  test('goes to another payer who shares too, at its own price, and cites the call that made it', async () => {
    const [one, other] = await twoPayers();
    const first = await paid(one, { request: shared({ seed: 1 }) });
    const second = await paid(other, { request: shared({ seed: 1 }) });
    expect(second).toMatchObject({
      ...{ text: 'Hello you.', cachedFrom: first.inferenceId },
      end: { priceUnits: SHARED_PRICE, usage: { promptTokens: 5, completionTokens: 4 } },
    });
    expect(await gateway.find(second.inferenceId)).toMatchObject({
      ...{ status: 'served', payerId: other.partyId, cachedFrom: first.inferenceId },
      priceUnits: SHARED_PRICE,
    });
    expect(timesAsked()).toBe(1);
    expect(await world.balancesOf(other.partyId)).toEqual([1_000n - SHARED_PRICE, 0n]);
  });

  test.each<[string, GenerationRequest, GenerationRequest]>([
    ['taken by one who does not share', shared({ seed: 2 }), sure({ seed: 2 })],
    ['given by one who does not share', sure({ seed: 3 }), shared({ seed: 3 })],
    ['that nobody shares', sure({ seed: 4 }), sure({ seed: 4 })],
    ['for another request', shared({ seed: 5 }), shared({ seed: 6 })],
    ['left to chance', shared({ temperature: 1 }), shared({ temperature: 1 })],
    [
      'for log-probabilities',
      shared({ seed: 7, logprobs: true }),
      shared({ seed: 7, logprobs: true }),
    ],
    [
      'by whoever wants it made anew',
      shared({ seed: 8 }),
      sure({ seed: 8, openledger: { cache: false } }),
    ],
  ])('is nothing %s', async (_, first, second) => {
    const [one, other] = await twoPayers();
    await paid(one, { request: first });
    expect((await paid(other, { request: second })).cachedFrom).toBeUndefined();
    expect(timesAsked()).toBe(2);
  });

  test('is nothing that was made by an operator whom the other payer rules out', async () => {
    const [one, other] = await twoPayers();
    const { partyId } = other;
    const { baseUrl } = world.operator;
    await gateway.registerOperator({ name: 'second', kind: 'openai', partyId, baseUrl });
    await gateway.offer({
      ...{ model: MODEL, operator: 'second', operatorModel: 'echo', weight: 1, tier: 0 },
      pricing: { promptUnits: 2n, completionUnits: 3n },
    });
    const by = (route: object) =>
      shared({ seed: 30, openledger: { cache: 'shared', route: { by: 'price', ...route } } });
    const first = await paid(one, { request: by({ only: ['remote'] }) });
    for (const route of [{ without: ['remote'] }, { only: ['second'] }]) {
      const made = await serve(gateway, other.caller, { request: by(route) });
      expect(made.cachedFrom).toBeUndefined();
      await made.leave();
    }
    const given = await paid(other, { request: by({ only: ['remote'] }) });
    expect(given.cachedFrom).toBe(first.inferenceId);
  });

  test('is not what was taken from others: only who had an answer made gives it', async () => {
    const [one, other] = await twoPayers();
    const first = await paid(one, { request: shared({ seed: 9 }) });
    await paid(other, { request: shared({ seed: 9 }) });
    await paid(other, { request: shared({ seed: 9 }) });
    expect(timesAsked()).toBe(1);
    const third = await paid(await world.payer(1_000n), { request: shared({ seed: 9 }) });
    expect(third.cachedFrom).toBe(first.inferenceId);
    expect((await paid(other, { request: sure({ seed: 9 }) })).cachedFrom).toBeUndefined();
  });

  test.each([
    ['the own one where it is cheaper, or as cheap', CACHE, 'own'],
    ['the own one', { ...CACHE, sharedPricePpm: CACHE.pricePpm }, 'own'],
    ['the other one where that is cheaper', { ...CACHE, sharedPricePpm: 0 }, 'other'],
  ] as const)('is chosen by its price: %s', async (_, cache, which) => {
    gateway = world.openGateway({ cache });
    const [one, other] = await twoPayers();
    const seed = cache.sharedPricePpm + 10;
    const own = await paid(other, { request: sure({ seed }) });
    world.clock.pass(1_000);
    const others = await paid(one, { request: shared({ seed }) });
    const third = await paid(other, { request: shared({ seed }) });
    expect(third.cachedFrom).toBe((which === 'own' ? own : others).inferenceId);
    expect(third.end?.priceUnits).toBe(which === 'own' ? CACHED_PRICE : 0n);
    gateway = world.openGateway({ cache: CACHE });
  });

  test('is nothing that has not been paid for, and nothing after its time', async () => {
    const [one, other] = await twoPayers();
    const first = await serve(gateway, one.caller, { request: shared({ seed: 20 }) });
    await read(first);
    const second = await serve(gateway, other.caller, { request: shared({ seed: 20 }) });
    expect(second.cachedFrom).toBeUndefined();
    await second.leave();
    await gateway.capture(first.inferenceId);
    world.clock.pass(61_000);
    expect((await paid(other, { request: shared({ seed: 20 }) })).cachedFrom).toBeUndefined();
  });
});

const entries = async () =>
  (
    await world.database.db.query<{ inference_id: Id<'inference'> }>(
      sql`select inference_id from gateway.cached_answers order by cached_at`,
    )
  ).map((row) => row.inference_id);

describe('what is kept', () => {
  beforeEach(() => openWorld());
  afterEach(() => endWorld());

  test('nothing, unless it is switched on', async () => {
    const payer = await world.payer(1_000n);
    gateway = world.gateway;
    await paid(payer);
    await paid(payer);
    expect([timesAsked(), await entries()]).toEqual([2, []]);
  });

  test('one entry a request, which goes with its time', async () => {
    const payer = await world.payer(1_000n);
    await paid(payer);
    world.clock.pass(61_000);
    const { inferenceId } = await paid(payer);
    expect(await entries()).toEqual([inferenceId]);
    await gateway.sweep();
    expect(await entries()).toEqual([inferenceId]);
    world.clock.pass(61_000);
    await gateway.sweep();
    expect(await entries()).toEqual([]);
  });

  test.each([
    ['whole', 1],
    ['broken off', 0],
  ] as const)('what comes %s, also by an exact count: %i', async (how, kept) => {
    const { caller, partyId: payerId } = await world.payer(1_000n);
    const { inferenceId, leave } = await serve(gateway, caller);
    async function* generate() {
      yield { kind: 'text' as const, text: 'a', tokens: 1, logprobs: [] };
      if (how === 'broken off') throw new Error('It broke off.');
      yield { kind: 'end' as const, finishReason: 'stop' as const, usage: undefined };
    }
    const keepAs = { payerId, requestHash: 'of a request', isShared: false };
    const call = callTo(world, generate, { inferenceId, delivery: 'streamed', keepAs });
    await read(deliver(deliverHandles(world), call, 1_000)).catch(() => {});
    expect((await gateway.find(inferenceId)).estimated).toBe(false);
    expect(await entries()).toHaveLength(kept);
    await leave();
  });

  test('only the newest, when there are too many', async () => {
    const payer = await world.payer(1_000n);
    const ids: string[] = [];
    for (let seed = 0; seed < 5; seed++) {
      world.clock.pass(1_000);
      ids.push((await paid(payer, { request: ask({ seed }) })).inferenceId);
    }
    await boundCache(world.database.db, { before: new Date(0), most: 2 });
    expect(await entries()).toEqual(ids.slice(-2));
  });

  test('under another name, once a record behind the model was withdrawn', async () => {
    const asked = {
      ...{ request: sure(), maxTokens: 10, retrieved: [], pools: ['pool:snp_1:1'] },
      route: (await gateway.find((await paid(await world.payer(1_000n))).inferenceId)).route,
    };
    const before = requestHashOf(asked);
    expect(requestHashOf({ ...asked, pools: ['pool:snp_1:1'] })).toBe(before);
    expect(requestHashOf({ ...asked, pools: ['pool:snp_1:2'] })).not.toBe(before);
    const other = { ...asked.route, adapterHash: 'another version' };
    expect(requestHashOf({ ...asked, route: other })).not.toBe(before);
    const record = { recordHash: 'aa', snapshotId: 'snp_1' as const };
    expect(requestHashOf({ ...asked, retrieved: [record] })).not.toBe(before);
  });
});
