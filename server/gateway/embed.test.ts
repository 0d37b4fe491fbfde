import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Bundle, embeddingOutput, verifyBundle } from '@openledger/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freeAccess } from '../../test/harness/access.ts';
import {
  deliverHandles,
  MODEL,
  openTestGateway,
  price,
  type TestGateway,
} from '../../test/harness/gateway.ts';
import type { OperatorCall } from '../../test/harness/operator.ts';
import { createAttributions, snapshotsFrom } from '../attribution/index.ts';
import { createFees, poolMembersFrom } from '../fees/index.ts';
import { accountFor } from '../flow.ts';
import { createGovernance } from '../governance/index.ts';
import type { Caller } from '../identity/index.ts';
import { silentLog } from '../platform/log.ts';
import { sql } from '../platform/sql.ts';
import { createReceipts, openSigners, proofsFrom } from '../receipts/index.ts';
import { createCallRecords } from './call-records.ts';
import { createDirectory } from './directory.ts';
import { type EmbedCall, type EmbedHandles, embed as embedBy } from './embed.ts';
import { EmbeddingsBody, fromEmbeddings } from './embedding-request.ts';
import { createHolds } from './hold.ts';
import type { Gateway } from './index.ts';
import type { Money } from './money.ts';
import { silentObserver } from './observer.ts';

let world: TestGateway;
beforeAll(async () => {
  world = await openTestGateway();
});
afterAll(() => world.end());

const TEXT = 'Say it.';
/** What `TEXT` holds: a byte a token and 16 around. */
const HELD = price(7 + 16, 0);

/** Once, unless told otherwise: who fails would be asked again. */
const asking = (members: object = {}) =>
  fromEmbeddings(
    EmbeddingsBody.parse({
      ...{ model: MODEL, input: TEXT, openledger: { route: { attempts: 1 } } },
      ...members,
    }),
  );

const embedOn = (
  on: Gateway,
  caller: Caller,
  members: object = {},
  call: Partial<EmbedCall> = {},
) =>
  on.embed({
    ...{ request: asking(members), caller, signal: new AbortController().signal },
    ...call,
  });

const listOf = (...embeddings: readonly unknown[]) => ({
  object: 'list',
  data: embeddings.map((embedding, index) => ({ object: 'embedding', index, embedding })),
  usage: { prompt_tokens: 5, total_tokens: 5 },
});

const gives = (...embeddings: readonly unknown[]) =>
  world.operator.plays((call) => call.json(listOf(...embeddings)));

const lastOf = async (gateway: Gateway, partyId: string) =>
  (await gateway.list({ payerId: partyId, limit: 1 }))[0];

describe.each([
  ['by a hold', false],
  ['out of a lease', true],
])('paid %s', (_, isLeased) => {
  let folder: string;
  let gateway: Gateway;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'openledger-embed-'));
    gateway = isLeased ? world.openGateway({ leases: { folder } }) : world.gateway;
    await gateway.recover();
  });
  afterAll(async () => {
    await gateway.stop();
    for (const { sum } of await world.ledger.trialBalance()) expect(sum).toBe(0n);
    await rm(folder, { recursive: true, force: true });
  });

  /** What holds after everything that can happen: no call is open, and no key has promised anything. */
  afterEach(async () => {
    expect((await gateway.summary()).running).toBe(0);
    expect(world.errors).toEqual([]);
    const [{ promised }] = await world.database.db.query<{ promised: string }>(
      sql`select coalesce(sum(reserved_units), 0) as promised from gateway.key_spending`,
    );
    expect(promised).toBe('0');
  });

  const embed = (caller: Caller, members: object = {}, call: Partial<EmbedCall> = {}) =>
    embedOn(gateway, caller, members, call);

  /** All of it can be spent again: by a call that needs all of it. */
  async function expectWhole(caller: Caller, partyId: string): Promise<void> {
    expect((await lastOf(gateway, partyId)).status).toBe('void');
    gives([1]);
    await embed(caller);
    expect((await lastOf(gateway, partyId)).status).toBe('served');
  }

  test('vectors delivered whole cost the prompt’s tokens by the operator’s count, and nothing more', async () => {
    const { caller, partyId } = await world.payer(HELD);
    const before = await world.ledger.balance('clearing:fees');
    let held: readonly bigint[] = [];
    world.operator.plays(async (call) => {
      held = await world.balancesOf(partyId);
      call.json(listOf([0.5, -0.25]));
    });
    const { inferenceId, ...embedded } = await embed(caller);
    if (!isLeased) expect(held).toEqual([0n, HELD]);
    const vectors = [[0.5, -0.25]];
    expect(embedded).toEqual({
      ...{ model: MODEL, vectors, priceUnits: price(5, 0) },
      usage: { promptTokens: 5, completionTokens: 0 },
    });
    expect(await gateway.find(inferenceId)).toMatchObject({
      ...{ status: 'served', finishReason: 'stop', estimated: false, priceUnits: price(5, 0) },
      ...{ output: embeddingOutput(vectors), clientTexts: [], cachedFrom: undefined },
      request: `{"inputs":["${TEXT}"],"kind":"embedding","model":"${MODEL}"}`,
    });
    await gateway.capture(inferenceId);
    await gateway.capture(inferenceId);
    expect((await world.ledger.balance('clearing:fees')) - before).toBe(price(5, 0));
    if (!isLeased) expect(await world.balancesOf(partyId)).toEqual([HELD - price(5, 0), 0n]);
  });

  test.each([
    ['no count', undefined, 2],
    ['a count that is none', { prompt_tokens: -3 }, 2],
    ['more than the texts have bytes', { prompt_tokens: 9_000_000_000 }, 23],
  ])('an operator that gives %s is paid an estimate, within what was held', async (_, usage, tokens) => {
    const { caller } = await world.payer(HELD);
    world.operator.plays((call) => call.json({ ...listOf([1]), usage }));
    const { inferenceId, priceUnits } = await embed(caller);
    expect(priceUnits).toBe(price(tokens, 0));
    expect(await gateway.find(inferenceId)).toMatchObject({ estimated: true });
  });

  test('a count of zero is a value: the call is served and free', async () => {
    const { caller } = await world.payer(HELD);
    world.operator.plays((call) => call.json({ ...listOf([1]), usage: { prompt_tokens: 0 } }));
    const { inferenceId, priceUnits } = await embed(caller);
    expect(priceUnits).toBe(0n);
    await gateway.capture(inferenceId);
    expect((await gateway.find(inferenceId)).status).toBe('served');
  });

  test('tokens are counted as they are, and an operator that counts many more is not believed', async () => {
    const { caller } = await world.payer(price(4 + 2 * 16, 0));
    world.operator.plays((call) => {
      call.json({ ...listOf([1], [2]), usage: { prompt_tokens: 30 } });
    });
    const input = [[11, 12, 13], [14]];
    const { inferenceId, priceUnits } = await embed(caller, { input });
    expect(priceUnits).toBe(price(4, 0));
    expect(world.operator.calls[0].body.input).toEqual(input);
    expect((await gateway.find(inferenceId)).estimated).toBe(true);
  });

  const bytes = (...values: readonly number[]) =>
    Buffer.from(Float32Array.from(values).buffer).toString('base64');

  test.each([
    ['refuses', (call) => call.status(400)],
    ['redirects', (call) => call.status(302)],
    ['hangs up', (call) => call.destroy()],
    [
      'hangs up half way',
      (call) => {
        call.raw('{"data":[{"index":0,');
        setTimeout(() => call.destroy(), 10);
      },
    ],
    ['answers no JSON', (call) => writes(call, '<html>')],
    ['answers nothing', (call) => call.end()],
    ['answers a chat', (call) => call.finish({ prompt: 5, completion: 0 })],
    ['reports a failure', (call) => call.json({ error: { message: 'no' } })],
    ['gives no vector', (call) => call.json(listOf())],
    ['gives too few', (call) => call.json(listOf([1, 2]))],
    ['gives too many', (call) => call.json(listOf([1, 2], [1, 2], [1, 2]))],
    ['gives one twice', (call) => call.json({ data: [0, 0].map(indexed) })],
    ['gives one of nobody’s', (call) => call.json({ data: [0, 2].map(indexed) })],
    ['gives one of no place', (call) => call.json({ data: [0, 0.5].map(indexed) })],
    ['gives a third beside both', (call) => call.json({ data: [0, 1, 1].map(indexed) })],
    ['gives an empty vector', (call) => call.json(listOf([], []))],
    ['gives vectors of two lengths', (call) => call.json(listOf([1, 2], [1, 2, 3]))],
    ['gives vectors of another length than asked', (call) => call.json(listOf([1], [1]))],
    ['gives null for a number', (call) => call.json(listOf([1, null], [1, 2]))],
    ['gives a text for a number', (call) => call.json(listOf([1, '2'], [1, 2]))],
    ['gives no vector in its place', (call) => call.json(listOf({ 0: 1, length: 1 }, [1, 2]))],
    ['gives infinity', (call) => writes(call, infinite('1e999'))],
    ['gives more than single precision has', (call) => writes(call, infinite('1e39'))],
    ['gives NaN', (call) => call.json(listOf(bytes(1, Number.NaN), bytes(1, 2)))],
    ['gives half a number', (call) => call.json(listOf('AACAPwAA', bytes(1, 2)))],
    ['gives no base64', (call) => call.json(listOf('*', bytes(1, 2)))],
  ] satisfies [
    string,
    Parameters<TestGateway['operator']['plays']>[0],
  ][])('an operator that %s has failed, and costs nothing', async (_, script) => {
    const { caller, partyId } = await world.payer(price(2 * (1 + 16), 0));
    world.operator.plays(script);
    const asked = embed(caller, { input: ['a', 'b'], dimensions: 2 });
    await expect(asked).rejects.toMatchObject({ code: 'operator_failed' });
    expect((await lastOf(gateway, partyId)).status).toBe('void');
    // All of it can be spent again, by a call that needs all of it.
    gives([1], [2]);
    await embed(caller, { input: ['a', 'b'] });
    expect((await lastOf(gateway, partyId)).status).toBe('served');
  });

  const writes = (call: OperatorCall, text: string) => {
    call.raw(text);
    call.end();
  };
  const indexed = (index: number) => ({ index, embedding: [1, 2] });
  const infinite = (number: string) => JSON.stringify(listOf([7, 1], [1, 2])).replace('7', number);

  test('vectors of no dimensions are none', async () => {
    const { caller, partyId } = await world.payer(HELD);
    gives([]);
    await expect(embed(caller)).rejects.toMatchObject({ code: 'operator_failed' });
    await expectWhole(caller, partyId);
  });

  test('vectors come in the order of the inputs, in whichever order and form they were given', async () => {
    const { caller } = await world.payer(10_000n);
    const given = [[0.1, 1e-60], bytes(0.25, 3), [5, 2]];
    const { data, ...rest } = listOf(...given);
    world.operator.plays((call) => call.json({ ...rest, data: data.reverse() }));
    const { vectors } = await embed(caller, { input: ['a', 'b', 'c'] });
    expect(vectors.map((vector) => Array.from(vector))).toEqual([
      [0.1, 1e-60],
      [0.25, 3],
      [5, 2],
    ]);
  });

  test('the operator gets its key, the model’s own name, and what it is asked for; not who asks', async () => {
    const { caller } = await world.payer(10_000n);
    gives([1, 2], [1, 2]);
    const input = ['a\0', 'b'];
    await embed(caller, { input, dimensions: 2, encoding_format: 'base64', user: 'ann' });
    const [{ authorization, path, body }] = world.operator.calls;
    expect([authorization, path]).toEqual(['Bearer secret', '/v1/embeddings']);
    expect(body).toEqual({ model: 'echo', input, dimensions: 2, encoding_format: 'base64' });
  });

  test('a client that leaves while it waits stops the operator, and pays nothing', async () => {
    const { caller, partyId } = await world.payer(HELD);
    const client = new AbortController();
    world.operator.plays(() => client.abort());
    await expect(embed(caller, {}, { signal: client.signal })).rejects.toThrow();
    await world.operator.calls[0].closed;
    await expectWhole(caller, partyId);
  });

  test('a client that left before is not served', async () => {
    const { caller, partyId } = await world.payer(HELD);
    gives([1]);
    await expect(embed(caller, {}, { signal: AbortSignal.abort() })).rejects.toThrow();
    expect(world.operator.calls).toHaveLength(0);
    await expectWhole(caller, partyId);
  });

  test('a call that was ended as void meanwhile delivers nothing, and costs nothing', async () => {
    // A key with limits has its calls on record from their beginning, however they are paid for.
    const { caller, partyId } = await world.payer(HELD, { limitUnits: 9n * HELD });
    world.operator.plays(async (call) => {
      await gateway.voidAbandoned(); // nobody of its server's name is here
      call.json(listOf([1]));
    });
    await expect(embed(caller)).rejects.toMatchObject({ code: 'unavailable' });
    await expectWhole(caller, partyId);
  });

  test('an empty wallet is told what is missing, and no operator is asked', async () => {
    const { caller } = await world.payer(HELD - 1n);
    gives([1]);
    await expect(embed(caller)).rejects.toMatchObject({
      ...{ code: 'insufficient_funds', details: { missing: '1' } },
    });
    expect(world.operator.calls).toHaveLength(0);
  });

  test('20 calls at once never pass a key’s spending limit, and what they did not use is free again', async () => {
    const { caller, partyId } = await world.payer(1_000_000n, { limitUnits: 3n * HELD });
    let open = 0;
    let most = 0;
    world.operator.plays(async (call) => {
      most = Math.max(most, ++open);
      await pause(10);
      open--;
      call.json(listOf([1]));
    });
    const ended = await Promise.allSettled(Array.from({ length: 20 }, () => embed(caller)));
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(3);
    const refused = ended.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
    expect(new Set(refused)).toEqual(new Set(['insufficient_funds']));

    // One after the other until the limit refuses: then less than one hold is left of it.
    const last = await (async () => {
      for (;;) await embed(caller);
    })().catch(({ code }) => code);
    expect(last).toBe('insufficient_funds');
    const calls = await gateway.list({ payerId: partyId, limit: 100 });
    const left = calls.reduce((sum, { priceUnits }) => sum - priceUnits, 3n * HELD);
    expect(left).toBeGreaterThanOrEqual(0n);
    expect(left).toBeLessThan(HELD);
  });
});

test('a model that the key may not call, an unknown one and one that only writes are refused before anything is held', async () => {
  const { caller, partyId } = await world.payer(HELD, { models: [MODEL, 'nobody', 'here'] });
  const { id: builderId } = await world.identity.registerParty({ identity: 'local:here' });
  await world.gateway.registerOperator({
    ...{ name: 'local', kind: 'local', partyId: builderId, baseUrl: undefined },
  });
  const pricing = { promptUnits: 1n, completionUnits: 1n };
  for (const [name, operator] of [
    ['here', 'local'],
    ['other', 'remote'],
  ]) {
    await world.models.registerExternal({
      ...{ name, operator, operatorModel: 'm', builderId, maxTokens: 9, pricing },
    });
  }
  const refusal = (model: string) =>
    embedOn(world.gateway, caller, { model }).catch(({ code, details }) => [code, details.param]);
  expect(await refusal('here')).toEqual(['unprocessable', 'model']);
  expect(await refusal('other')).toEqual(['forbidden', undefined]);
  expect(await refusal('nobody')).toEqual(['model_not_found', undefined]);
  expect(await world.gateway.list({ payerId: partyId, limit: 1 })).toEqual([]);
  expect(await world.balancesOf(partyId)).toEqual([HELD, 0n]);
});

function handlesWith(money: Money): EmbedHandles {
  const { db } = world.database;
  return {
    ...{ ...world, ...deliverHandles(world), money, servedBy: 'us', observer: silentObserver },
    ...{ db, records: createCallRecords(db), journal: undefined, log: silentLog },
    directory: createDirectory({ ...world, db }),
  };
}

test('an operator that takes too long is stopped, and costs nothing', async () => {
  const { caller, partyId } = await world.payer(HELD);
  world.operator.plays(() => {});
  const call = { request: asking(), caller, signal: new AbortController().signal };
  await expect(embedBy(handlesWith(createHolds(world)), call, 50)).rejects.toMatchObject({
    code: 'operator_failed',
  });
  await world.operator.calls[0].closed;
  expect(await world.balancesOf(partyId)).toEqual([HELD, 0n]);
});

test('vectors are not handed over where the money set aside is gone by then', async () => {
  const { caller, partyId } = await world.payer(HELD);
  gives([1]);
  const holds = createHolds(world);
  const money: Money = {
    ...holds,
    reserve: async (call) => ({ ...(await holds.reserve(call)), isOpen: () => false }),
  };
  const call = { request: asking(), caller, signal: new AbortController().signal };
  await expect(embedBy(handlesWith(money), call)).rejects.toMatchObject({ code: 'unavailable' });
  expect((await lastOf(world.gateway, partyId)).status).toBe('void');
  expect(await world.balancesOf(partyId)).toEqual([HELD, 0n]);
});

test('a gateway that is killed while the operator is asked leaves nothing owed', async () => {
  const { caller, partyId } = await world.payer(HELD);
  const asked = new Promise<void>((resolve) => world.operator.plays(() => resolve()));
  const client = new AbortController();
  const ended = embedOn(world.gateway, caller, {}, { signal: client.signal }).catch(() => 'ended');
  await asked;
  expect(await world.balancesOf(partyId)).toEqual([0n, HELD]);
  await world.gateway.recover(); // of the process after it
  expect((await lastOf(world.gateway, partyId)).status).toBe('void');
  expect(await world.balancesOf(partyId)).toEqual([HELD, 0n]);
  client.abort();
  expect(await ended).toBe('ended');
});

test('its receipt verifies: nobody’s data, no shares, the price by the policy, and the vectors by their hash', async () => {
  const { database, clock, ledger, identity, datanets, gateway } = world;
  const { db } = database;
  const handles = { db, clock, log: silentLog, ledger, gateway };
  const governance = await createGovernance({ db, clock });
  const receipts = createReceipts({
    ...{ ...handles, governance, snapshots: proofsFrom(datanets) },
    ...{ textsOf: gateway.find, termsOf: gateway.terms },
    signers: await openSigners({ secret: async (name) => new Uint8Array(32).fill(name.length) }),
  });
  const attributions = createAttributions({
    ...{ ...handles, governance, models: world.models, snapshots: snapshotsFrom(datanets) },
    logHead: () => receipts.checkpoint(),
  });
  const fees = createFees({
    ...{ ...handles, governance, attributions, poolMembers: poolMembersFrom(datanets) },
    reads: freeAccess({ db, clock, log: silentLog, identity, governance }).reads,
  });

  const { caller, partyId } = await world.payer(10_000n);
  gives([1, 2], [3, 4]);
  const input = ['a\0 \ud800', 'b'];
  const { inferenceId, vectors } = await embedOn(gateway, caller, { input, dimensions: 2 });
  await gateway.capture(inferenceId);
  await attributions.attribute(inferenceId);
  await fees.route(inferenceId);
  const { id } = await receipts.issue(
    await accountFor({ gateway, attributions, fees }, inferenceId),
  );
  const text = await receipts.bundle(id, { disclose: true });
  const { logKeys, signers } = receipts.trusted();
  const verify = (bundle: string) =>
    verifyBundle(bundle, { logKeys: [...logKeys], signers: [...signers] });
  expect(verify(text).filter(({ ok }) => !ok)).toEqual([]);

  const { receipt, disclosures } = JSON.parse(text) as Bundle;
  expect(receipt).toMatchObject({
    ...{ attribution: null, channels: null, shares: [], snapshots: [], retrieved: [] },
    ...{ parties: { payer: partyId }, usage: { promptTokens: 5, completionTokens: 0 } },
    price: { units: `${price(5, 0)}` },
  });
  expect(new Set(receipt.legs.map(({ role }) => role))).toEqual(
    new Set(['operator', 'builder', 'treasury']),
  );
  expect(disclosures.output?.text).toBe(embeddingOutput(vectors));
  expect(disclosures.request?.text).toContain('"dimensions":2');

  // Another vector is another output, and one vector less than was asked for is no answer.
  const [one, other] = [embeddingOutput(vectors), embeddingOutput([...vectors].reverse())];
  const swapped = text.replace(
    JSON.stringify(one).slice(1, -1),
    JSON.stringify(other).slice(1, -1),
  );
  expect(swapped).not.toBe(text);
  expect(verify(swapped).filter(({ ok }) => !ok)).toMatchObject([{ check: 'output' }]);
});
