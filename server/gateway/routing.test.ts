import { setTimeout as pause } from 'node:timers/promises';
import type { Id } from '@openledger/protocol';
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
import { type Script, startOperator, type TestOperator } from '../../test/harness/operator.ts';
import type { Offer } from './index.ts';

/** The operator that the model was registered with is `remote`, at 2 and 3 units a token; these two stand beside it. */
let world: TestGateway;
let others: { readonly spare: TestOperator; readonly dear: TestOperator };

beforeAll(async () => {
  world = await openTestGateway();
  others = { spare: await startOperator(), dear: await startOperator() };
  const { id: partyId } = await world.identity.registerParty({ identity: 'local:spare' });
  for (const [name, { baseUrl }] of Object.entries(others)) {
    await world.gateway.registerOperator({ name, kind: 'vllm', partyId, baseUrl });
  }
});

afterAll(async () => {
  for (const operator of Object.values(others)) await operator.close();
  await world.end();
});

beforeEach(async () => {
  world.clock.pass(120_000); // every circuit is closed again
  for (const operator of [world.operator, ...Object.values(others)]) operator.plays(works);
  await offer({ operator: 'spare', pricing: units(2n, 3n), tier: 1 });
  await offer({ operator: 'dear', pricing: units(20n, 30n), tier: 2 });
});

afterEach(async () => {
  expect((await world.gateway.summary()).running).toBe(0);
  expect(world.errors).toEqual([]);
});

const units = (promptUnits: bigint, completionUnits: bigint) => ({ promptUnits, completionUnits });

const offer = (terms: Partial<Offer> & Pick<Offer, 'operator' | 'pricing'>) =>
  world.gateway.offer({ model: MODEL, operatorModel: 'theirs', weight: 100, tier: 0, ...terms });

const works: Script = (call) => {
  call.text('Yes.');
  call.finish({ prompt: 5, completion: 2 });
};

const halfWay: Script = async (call) => {
  call.text('Half ');
  await pause(20); // else the reset may overtake it
  call.destroy();
};

const called = async (members: object = {}, delivery: 'streamed' | 'whole' = 'streamed') => {
  const { caller, partyId } = await world.payer(100_000n);
  const serving = await serve(world.gateway, caller, { request: ask(members), delivery });
  const { inferenceId } = serving;
  const answer = await read(serving).catch((error: unknown) => ({ error }));
  const ended = await world.gateway.find(inferenceId);
  if (ended.status === 'served') await world.gateway.capture(inferenceId);
  const [available, held] = await world.balancesOf(partyId);
  expect(held).toBe(0n);
  return { answer, ended, paid: 100_000n - available, operator: serving.operator };
};

test('where one operator refuses, the next answers: it earns, its price is paid, and the record says so', async () => {
  world.operator.plays((call) => call.status(503));
  others.spare.plays((call) => call.destroy());
  const { ended, paid, operator } = await called();
  expect(operator).toBe('dear');
  expect(paid).toBe(5n * 20n + 2n * 30n);
  expect(ended).toMatchObject({ status: 'served', route: { operator: 'dear' }, output: 'Yes.' });
  const { partyId } = (await world.gateway.operators()).find(({ name }) => name === 'dear') as {
    partyId: Id<'party'>;
  };
  expect(ended.route.operatorPartyId).toBe(partyId);
  expect(ended.failures.map((one) => [one.operator, one.reason])).toEqual([
    ['remote', '503'],
    ['spare', 'operator_failed'],
  ]);
  expect(others.dear.calls[0].body).toMatchObject({ model: 'theirs' });
});

test('what is held covers the dearest of them, and a payer who has less is told before anybody is asked', async () => {
  const { caller } = await world.payer(price(23, 10));
  await expect(serve(world.gateway, caller)).rejects.toMatchObject({ code: 'insufficient_funds' });
  expect(world.operator.calls).toEqual([]);
  const only = { route: { without: ['dear'] } };
  const serving = await serve(world.gateway, caller, { request: ask({ openledger: only }) });
  expect((await read(serving)).text).toBe('Yes.');
});

test('after its first streamed word nobody else is asked: what was forwarded is charged', async () => {
  world.operator.plays(halfWay);
  const { ended, paid } = await called();
  expect(others.spare.calls).toEqual([]);
  expect(ended).toMatchObject({
    status: 'served',
    output: 'Half ',
    finishReason: 'operator_failed',
  });
  expect(paid).toBe(price(2, 1));
});

test('of an answer wanted whole nothing was given before its end: another one is asked, and paid alone', async () => {
  world.operator.plays(halfWay);
  const { ended, paid } = await called({}, 'whole');
  expect(ended).toMatchObject({ status: 'served', output: 'Yes.', route: { operator: 'spare' } });
  expect(paid).toBe(price(5, 2));
});

test('when everybody fails the call costs nothing, and the last failure is told', async () => {
  for (const operator of [world.operator, ...Object.values(others)]) {
    operator.plays((call) => call.status(500));
  }
  const { answer, ended, paid } = await called();
  expect(answer).toMatchObject({ error: { code: 'operator_failed' } });
  expect(ended.status).toBe('void');
  expect(ended.failures).toHaveLength(3);
  expect(paid).toBe(0n);
});

test('a single operator is asked again after a pause, and the client sees nothing of it', async () => {
  let asked = 0;
  world.operator.plays((call) => (++asked < 3 ? call.status(429) : works(call)));
  const { ended, paid } = await called({ openledger: { route: { only: ['remote'] } } });
  expect(asked).toBe(3);
  expect(ended.failures).toHaveLength(2);
  expect(paid).toBe(price(5, 2));
});

test('a request that an operator refuses as such is not tried elsewhere', async () => {
  world.operator.plays((call) => call.status(400));
  const { answer } = await called();
  expect(answer).toMatchObject({ error: { details: { operatorStatus: 400 } } });
  expect(others.spare.calls).toEqual([]);
});

test('an operator that keeps failing is left alone for a while, and then tried again', async () => {
  world.operator.plays((call) => call.status(500));
  for (let i = 0; i < 3; i++) await called();
  world.operator.plays(works);
  expect((await called()).operator).toBe('spare');
  const standing = world.gateway.standings().find(({ operator }) => operator === 'remote');
  expect(standing).toMatchObject({ isOpen: true, health: { failures: 3 } });
  world.clock.pass(5000);
  expect((await called()).operator).toBe('remote');
});

test('by price the cheapest is asked first; a hedge asks the next beside one that is slow', async () => {
  await offer({ operator: 'spare', pricing: units(1n, 1n), tier: 0 });
  await offer({ operator: 'dear', pricing: units(20n, 30n), tier: 0 });
  expect((await called({ openledger: { route: { by: 'price' } } })).operator).toBe('spare');

  others.spare.plays(async (call) => await call.closed);
  const route = { by: 'price', hedgeAfterMs: 30 };
  const { operator, paid } = await called({ openledger: { route } });
  expect(operator).toBe('remote');
  expect(paid).toBe(price(5, 2));
  await others.spare.calls[0].closed; // the slow one was stopped
});

test('where no operator of a model answers, the model to fall back to does, and its builder is on the route', async () => {
  const { id: builderId } = await world.identity.registerParty({ identity: 'local:fallback' });
  await world.models.registerExternal({
    ...{ name: 'plan-b', operator: 'spare', operatorModel: 'b', builderId, maxTokens: 50 },
    pricing: units(1n, 1n),
  });
  world.operator.plays((call) => call.status(500));
  const openledger = { fallbacks: ['plan-b'], route: { only: ['remote', 'spare'] } };
  await world.gateway.removeOffer({ model: MODEL, operator: 'spare' });
  const { ended, paid } = await called({ openledger });
  expect(ended.route).toMatchObject({ model: 'plan-b', builderPartyId: builderId });
  expect(paid).toBe(7n);
});

test('wishes that leave nobody, and names that nobody has, are refused before anything is held', async () => {
  const { caller, partyId } = await world.payer(100_000n);
  const refused = (openledger: object) =>
    serve(world.gateway, caller, { request: ask({ openledger }) });
  await expect(refused({ route: { only: ['nobody'] } })).rejects.toMatchObject({
    code: 'not_found',
  });
  await expect(refused({ fallbacks: ['nobody'] })).rejects.toMatchObject({
    code: 'model_not_found',
  });
  expect(await world.balancesOf(partyId)).toEqual([100_000n, 0n]);
});

test('an operator that cannot do what is asked is left out, and where none can the client is told', async () => {
  const request = { top_k: 5 }; // `remote` speaks plain OpenAI, which has none
  expect((await called(request)).operator).toBe('spare');
  expect(others.spare.calls[0].body).toMatchObject({ top_k: 5 });
  const { caller } = await world.payer(100_000n);
  const only = ask({ ...request, openledger: { route: { only: ['remote'] } } });
  await expect(serve(world.gateway, caller, { request: only })).rejects.toMatchObject({
    code: 'unprocessable',
  });
});

test('probes bring back an operator that answers them, and say what is loaded', async () => {
  world.operator.plays((call) => call.status(500));
  for (let i = 0; i < 3; i++) await called();
  await world.gateway.probe();
  const standing = world.gateway.standings().find(({ operator }) => operator === 'remote');
  expect(standing).toMatchObject({ isOpen: false, isLoaded: true });
});
