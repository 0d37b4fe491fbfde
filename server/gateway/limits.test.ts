import { setTimeout as pause } from 'node:timers/promises';
import type { Id, OpenLedgerError } from '@openledger/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  ask,
  MODEL,
  openTestGateway,
  price,
  read,
  serve,
  type TestGateway,
} from '../../test/harness/gateway.ts';
import { type RunningScript, runScript } from '../../test/harness/processes.ts';
import type { Caller, KeyOrder } from '../identity/index.ts';
import { type Db, openDb } from '../platform/db.ts';
import { type Sql, sql } from '../platform/sql.ts';
import type { Gateway, GatewayHandles } from './index.ts';

let world: TestGateway;
const pools: Db[] = [];

/** It stands still unless a test moves it: from a noon that is to come, so that no test runs into midnight. */
let now: number;
const clock = {
  now: () => new Date(now),
  pass(ms: number) {
    now += ms;
  },
};

beforeAll(async () => {
  world = await openTestGateway();
});
afterAll(() => world.end());

beforeEach(() => {
  now = new Date().setUTCHours(36, 0, 0, 0);
});

/** Whatever happened: no key is promised anything any more. */
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close();
  expect(await promised()).toEqual({ units: '0', tokens: '0' });
  for (const { sum } of await world.ledger.trialBalance()) expect(sum).toBe(0n);
});

async function promised(): Promise<object> {
  const [row] = await world.database.db.query(sql`
    select sum(units)::text as units, coalesce(sum(tokens), 0)::text as tokens
    from (
      select reserved_units as units, tokens_reserved as tokens from gateway.key_spending
      union all
      select reserved_units, 0 from gateway.key_budgets
      union all
      select 0, 0
    ) as all_of_them`);
  return row;
}

/** Gateways with a pool of connections each, as processes have them. */
const gateways = (count: number, handles: Partial<GatewayHandles> = {}): readonly Gateway[] =>
  Array.from({ length: count }, () => {
    const db = openDb(world.database.url, { poolSize: 5 });
    pools.push(db);
    return world.openGateway({ db, clock, ...handles });
  });

/** What `ask()` may cost and have at most, and what it does cost where the operator says so. */
const HELD_TOKENS = 7 + 16 + 10;
const HELD = price(7 + 16, 10);
const all = { prompt: 7 + 16, completion: 10 };

const answers = (usage: { prompt: number; completion: number }, ms = 20) =>
  world.operator.plays(async (call) => {
    await pause(ms);
    call.text('ten tokens');
    call.finish(usage);
  });

/** @returns how many were served, and why the others were not */
async function crowd(clients: number, on: readonly Gateway[], caller: Caller) {
  const outcomes = await Promise.allSettled(
    Array.from({ length: clients }, async (_, i) => read(await serve(on[i % on.length], caller))),
  );
  const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
  return { served: clients - refused.length, codes: [...new Set(refused)] };
}

const refusalOf = (serving: Promise<unknown>): Promise<OpenLedgerError> =>
  serving.then(
    () => Promise.reject(new Error('It was served.')),
    (error) => error,
  );

const spentOf = async (keyId: string) => {
  const { db } = world.database;
  const [key] = await db.query<{ spent: string }>(
    sql`select spent_units as spent from gateway.key_spending where key_id = ${keyId}`,
  );
  const budgets = await db.query<{ scope: string; name: string; spent: string }>(sql`
    select scope, name, spent_units as spent
    from gateway.key_budgets
    where key_id = ${keyId}
    order by scope, name`);
  return [key.spent, ...budgets.map(({ spent }) => spent)].map(BigInt);
};

const everyLimit = (units: bigint): Partial<KeyOrder> => ({
  limitUnits: units,
  limits: {
    ...{ dailyUnits: units, modelUnits: { [MODEL]: units } },
    ...{ requestsPerMinute: 1000, tokensPerMinute: 1_000_000 },
  },
});

const budgets: readonly [string, Partial<KeyOrder>][] = [
  ['in all', { limitUnits: 10n * HELD }],
  ['for the day', { limits: { dailyUnits: 10n * HELD } }],
  ['for the model', { limits: { modelUnits: { [MODEL]: 10n * HELD } } }],
];
const through: readonly [string, number][] = [
  ['one gateway', 1],
  ['three gateways', 3],
];

test.each(
  budgets.flatMap(([budget, order]) =>
    through.map(([where, count]) => [budget, where, order, count] as const),
  ),
)('50 concurrent clients on one key with a budget %s for 10 requests: exactly 10 are served through %s', async (_, __, order, count) => {
  const { caller } = await world.payer(1_000_000n, order);
  answers(all);
  const { served, codes } = await crowd(50, gateways(count), caller);
  expect([served, codes]).toEqual([10, ['insufficient_funds']]);
  expect(world.operator.calls).toHaveLength(10);
  expect(new Set(await spentOf(caller.keyId))).toEqual(new Set([10n * HELD]));
});

test('three gateway processes, each with 50 concurrent clients on one key with a budget for 10 requests, serve 10 together', async () => {
  const { caller, secret } = await world.payer(1_000_000n, { limitUnits: 10n * HELD });
  answers(all);
  const gate = await world.database.db.session();
  await gate.query(sql`select pg_advisory_lock(42)`);
  const processes: RunningScript[] = [];
  try {
    for (let i = 0; i < 3; i++) {
      const args = [world.database.url, secret, '50'];
      processes.push(runScript('test/harness/limit-process.ts', args));
    }
    await Promise.all(processes.map((one) => one.says('ready')));
    await gate.query(sql`select pg_advisory_unlock(42)`);
    await Promise.all(processes.map((one) => one.says('served')));
    const served = processes.map(({ lines }) => Number(lines.at(-1)?.replace('served ', '')));
    expect(served.reduce((sum, n) => sum + n, 0)).toBe(10);
    expect(await spentOf(caller.keyId)).toEqual([10n * HELD]);
  } finally {
    for (const one of processes) one.kill();
    await gate.close();
  }
});

test.each(
  through,
)('100 concurrent calls on a key with 10 requests a minute: exactly 10 are served through %s, and one more after the time that was said', async (_, count) => {
  const { caller } = await world.payer(1_000_000n, { limits: { requestsPerMinute: 10 } });
  answers({ prompt: 5, completion: 1 });
  const some = gateways(count);
  expect(await crowd(100, some, caller)).toEqual({ served: 10, codes: ['rate_limited'] });
  const refusal = await refusalOf(serve(some[0], caller));
  expect(refusal).toMatchObject({
    code: 'rate_limited',
    details: { scope: 'requests', limit: 10, available: 0, missing: 1, retryAfterSeconds: 6 },
  });
  clock.pass(5999);
  await refusalOf(serve(some[0], caller));
  clock.pass(1);
  expect(await crowd(20, some, caller)).toEqual({ served: 1, codes: ['rate_limited'] });
  clock.pass(3_600_000); // a minute's worth is the most that anybody has saved
  expect(await crowd(20, some, caller)).toEqual({ served: 10, codes: ['rate_limited'] });
});

test('a call reserves the most tokens that it may have, and has used what it had when it ends', async () => {
  const limits = { tokensPerMinute: 2 * HELD_TOKENS };
  const { caller } = await world.payer(1_000_000n, { limits });
  const [gateway] = gateways(1);
  answers({ prompt: 5, completion: 1 });
  const open = [await serve(gateway, caller), await serve(gateway, caller)];
  expect(open.map(({ rates }) => rates?.tokens?.remaining)).toEqual([HELD_TOKENS, 0]);
  expect(await refusalOf(serve(gateway, caller))).toMatchObject({
    code: 'rate_limited',
    message: expect.stringMatching(/^Calls under way/),
    details: { scope: 'tokens', limit: 66, available: 0, missing: 33, retryAfterSeconds: 1 },
  });
  for (const serving of open) await read(serving);
  const third = await serve(gateway, caller);
  expect(third.rates).toEqual({
    requests: undefined,
    tokens: { limit: 66, remaining: 66 - 12 - 33, resetMs: Math.ceil((45 * 60_000) / 66) },
  });
  answers(all);
  await read(third);
  const refusal = await refusalOf(serve(gateway, caller)); // 45 of 66 are used, and 33 are asked for
  expect(refusal.details).toEqual({
    ...{ scope: 'tokens', limit: 66, available: 21, missing: 12, retryAfterSeconds: 11 },
  });
  clock.pass(10_909);
  await refusalOf(serve(gateway, caller));
  clock.pass(1);
  await read(await serve(gateway, caller));
});

test('100 concurrent calls never have more tokens than their key has a minute', async () => {
  const { caller } = await world.payer(1_000_000n, { limits: { tokensPerMinute: 340 } });
  answers(all);
  expect(await crowd(100, gateways(3), caller)).toEqual({ served: 10, codes: ['rate_limited'] });
});

test('a call that is larger than all its key has a minute is told so, and not to come again', async () => {
  const { caller } = await world.payer(1_000_000n, { limits: { tokensPerMinute: 32 } });
  expect(await refusalOf(serve(gateways(1)[0], caller))).toMatchObject({
    code: 'too_large',
    details: { scope: 'tokens', limit: 32, tokens: 33 },
  });
  answers({ prompt: 5, completion: 1 });
  await read(await serve(gateways(1)[0], caller, { request: ask({ max_tokens: 9 }) }));
});

test('a call counts on the day on which it was let in, and the next day is whole', async () => {
  const { caller } = await world.payer(1_000_000n, { limits: { dailyUnits: 2n * HELD } });
  const [gateway] = gateways(1);
  now = new Date(now).setUTCHours(23, 59, 59, 0);
  answers(all);
  const late = [await serve(gateway, caller), await serve(gateway, caller)];
  const midnight = new Date(new Date(now).setUTCHours(24, 0, 0, 0)).toISOString();
  expect((await refusalOf(serve(gateway, caller))).details).toEqual({
    ...{ limit: `${2n * HELD}`, available: '0', missing: `${HELD}` },
    ...{ scope: 'day', renewsAt: midnight },
  });
  clock.pass(2000);
  expect(await crowd(5, [gateway], caller)).toMatchObject({ served: 2 });
  for (const serving of late) await read(serving);
  expect((await spentOf(caller.keyId)).slice(1)).toEqual([2n * HELD, 2n * HELD]);
  await expect(serve(gateway, caller)).rejects.toMatchObject({ code: 'insufficient_funds' });
});

test('a model’s budget is for that model alone, by whatever name it goes', async () => {
  const { id: builderId } = await world.identity.registerParty({ identity: 'local:elsewhere' });
  await world.models.registerExternal({
    ...{ name: 'constructor', operator: 'remote', operatorModel: 'm', builderId, maxTokens: 9 },
    pricing: { promptUnits: 1n, completionUnits: 1n },
  });
  const { caller } = await world.payer(1_000_000n, { limits: { modelUnits: { [MODEL]: HELD } } });
  answers(all);
  const [gateway] = gateways(1);
  await read(await serve(gateway, caller));
  expect((await refusalOf(serve(gateway, caller))).details).toEqual({
    ...{ limit: `${HELD}`, available: '0', missing: `${HELD}`, scope: 'model', model: MODEL },
  });
  await read(await serve(gateway, caller, { request: ask({ model: 'constructor' }) }));
});

test('a refused call costs nothing, holds nothing, is no request, and is in nobody else’s way', async () => {
  const limits = { requestsPerMinute: 1 };
  const { caller, partyId } = await world.payer(2n * HELD, { limits });
  const [gateway] = gateways(1);
  answers(all);
  await read(await serve(gateway, caller));
  const before = await world.database.db.query(sql`
    select (select count(*) from ledger.transactions) as posted,
           (select count(*) from gateway.inferences) as calls`);
  for (let i = 0; i < 10; i++) await refusalOf(serve(gateway, caller));
  expect(
    await world.database.db.query(sql`
      select (select count(*) from ledger.transactions) as posted,
             (select count(*) from gateway.inferences) as calls`),
  ).toEqual(before);
  expect(await world.balancesOf(partyId)).toEqual([HELD, HELD]);
  clock.pass(60_000);
  await read(await serve(gateway, caller));
  clock.pass(60_000);
  // And what its party cannot pay for is no request of the key either.
  await expect(serve(gateway, caller)).rejects.toMatchObject({ details: { missing: `${HELD}` } });
  await expect(serve(gateway, caller)).rejects.toMatchObject({ code: 'insufficient_funds' });
});

test('a call that is refused after it was let in has been no request', async () => {
  const { datanets } = world;
  const limits = { requestsPerMinute: 1, dailyUnits: 1000n, tokensPerMinute: 1000 };
  const { caller, partyId } = await world.payer(1_000_000n, { limits });
  const { id: datanetId } = await datanets.create({ name: 'tides', ownerId: partyId });
  const text = 'The tide turns twice a day because the earth turns under two bulges of water.';
  await datanets.contribute({ datanetId, partyId, draft: { text, licence: 'MIT' } });
  await datanets.seal(datanetId);
  const refuses = async () => Promise.reject(new Error('It is not paid for.'));
  const [strict] = gateways(1, { access: { ...world.access, read: refuses } });
  const messages = [{ role: 'user', content: 'How often does the tide turn?' }];
  const request = ask({ messages, openledger: { datanets: [datanetId] } });
  await expect(serve(strict, caller, { request })).rejects.toThrow('It is not paid for.');
  expect(new Set(await spentOf(caller.keyId))).toEqual(new Set([0n]));
  answers(all);
  await read(await serve(gateways(1)[0], caller));
});

const ends: readonly [string, (serving: Awaited<ReturnType<typeof serve>>) => Promise<unknown>][] =
  [
    ['its operator fails', (serving) => read(serving).catch(() => {})],
    ['its client leaves', (serving) => serving.leave()],
    ['its process has gone', () => world.gateway.voidAbandoned()],
    [
      'nobody ends it in time',
      async () => {
        world.clock.pass(48 * 3_600_000);
        await world.gateway.sweep();
      },
    ],
  ];

// LiteLLM #30522, new-api #4429
test.each(
  ends,
)('a call that comes to nothing because %s leaves no worst-case promise on its key: all of it can be spent', async (_, end) => {
  const { caller } = await world.payer(1_000_000n, everyLimit(2n * HELD));
  const [gateway] = gateways(1);
  world.operator.plays((call) => call.destroy());
  const open = [await serve(gateway, caller), await serve(gateway, caller)];
  await expect(serve(gateway, caller)).rejects.toMatchObject({ code: 'insufficient_funds' });
  for (const serving of open) await end(serving);
  expect(await promised()).toEqual({ units: '0', tokens: '0' });
  expect(await spentOf(caller.keyId)).toEqual([0n, 0n, 0n]);
  answers(all);
  expect(await crowd(5, [gateway], caller)).toMatchObject({ served: 2 });
  await Promise.all(open.map((serving) => serving.leave())); // and what comes later changes nothing
  expect(await spentOf(caller.keyId)).toEqual([2n * HELD, 2n * HELD, 2n * HELD]);
});

// octopus #234
test('20 parallel calls on a key with room for one do not pass one and the same check', async () => {
  const { caller } = await world.payer(1_000_000n, everyLimit(HELD));
  answers(all);
  expect(await crowd(20, gateways(3), caller)).toMatchObject({ served: 1 });
});

// new-api #6609
test('two gateways that have both seen room for one call let one in', async () => {
  const { caller, partyId } = await world.payer(1_000_000n, everyLimit(HELD));
  let looked = 0;
  let go: () => void = () => {};
  const bothHaveLooked = new Promise<void>((resolve) => {
    go = resolve;
  });
  const patient = (db: Db): Db => ({
    ...db,
    async query(statement: Sql) {
      const rows = await db.query<never>(statement);
      if (statement.name === 'gateway.read-limits') {
        if (++looked === 2) go();
        await bothHaveLooked;
      }
      return rows;
    },
  });
  const both = [1, 2].map(() => {
    const db = patient(openDb(world.database.url, { poolSize: 2 }));
    pools.push(db);
    return world.openGateway({ db, clock });
  });
  answers(all);
  const { served, codes } = await crowd(2, both, caller);
  expect([looked, served, codes]).toEqual([2, 1, ['insufficient_funds']]);
  expect(await world.balancesOf(partyId)).toEqual([1_000_000n - HELD, HELD]); // the refused one holds nothing
});

test('keys without limits are never looked up', async () => {
  const { caller } = await world.payer(1_000_000n, { models: [MODEL] });
  const seen: string[] = [];
  const { db } = world.database;
  const watched: Db = {
    ...db,
    query: (statement: Sql) => {
      seen.push(statement.text);
      return db.query<never>(statement);
    },
    transaction: (work) =>
      db.transaction((tx) =>
        work({
          ...tx,
          query: (statement: Sql) => {
            seen.push(statement.text);
            return tx.query<never>(statement);
          },
        }),
      ),
  };
  answers(all);
  const [gateway] = gateways(1, { db: watched });
  const serving = await serve(gateway, caller);
  expect(serving.rates).toBeUndefined();
  await read(serving);
  await (await serve(gateway, caller)).leave();
  expect(seen.length).toBeGreaterThan(3);
  expect(seen.filter((text) => text.includes('gateway.key_'))).toEqual([]);
});

test('budgets of days long over are forgotten, those of the last days are not', async () => {
  const { caller } = await world.payer(1_000_000n, { limits: { dailyUnits: 10n * HELD } });
  const [gateway] = gateways(1);
  answers(all);
  const ids: Id<'inference'>[] = [];
  for (let day = 0; day < 3; day++) {
    const serving = await serve(gateway, caller);
    await read(serving);
    ids.push(serving.inferenceId);
    clock.pass(86_400_000);
  }
  for (const id of ids) await world.gateway.capture(id);
  clock.pass(5 * 86_400_000); // the first was 8 days ago, the last 6
  await gateway.sweep();
  expect((await spentOf(caller.keyId)).slice(1)).toHaveLength(2);
});
