import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { MODEL, openTestGateway, price, type TestGateway } from '../../test/harness/gateway.ts';
import { type Script, startOperator, type TestOperator } from '../../test/harness/operator.ts';
import type { Caller } from '../identity/index.ts';
import type { EmbedCall } from './embed.ts';
import { EmbeddingsBody, fromEmbeddings } from './embedding-request.ts';
import type { CallObserver, Offer } from './index.ts';

/** The operator that the model was registered with is `remote`, at 2 units a token read; this one stands beside it, at 20. */
let world: TestGateway;
let spare: TestOperator;

beforeAll(async () => {
  world = await openTestGateway();
  spare = await startOperator();
  const { id: partyId } = await world.identity.registerParty({ identity: 'local:spare' });
  const { baseUrl } = spare;
  await world.gateway.registerOperator({ name: 'spare', kind: 'vllm', partyId, baseUrl });
  await world.gateway.registerOperator({ name: 'claude', kind: 'anthropic', partyId, baseUrl });
  await offer({ operator: 'spare', tier: 1 });
});

afterAll(async () => {
  await spare.close();
  await world.end();
});

beforeEach(() => {
  world.clock.pass(120_000); // every circuit is closed again
  for (const operator of [world.operator, spare]) operator.plays(works);
});

afterEach(async () => {
  expect((await world.gateway.summary()).running).toBe(0);
  expect(world.errors).toEqual([]);
});

const offer = (terms: Partial<Offer> & Pick<Offer, 'operator'>) =>
  world.gateway.offer({
    ...{ model: MODEL, operatorModel: 'theirs', weight: 100, tier: 0, ...terms },
    pricing: { promptUnits: 20n, completionUnits: 0n },
  });

/** What a text of seven bytes is held for at most. */
const MOST_TOKENS = 7 + 16;

const answer = (embedding: readonly number[], tokens = 5) => ({
  data: [{ index: 0, embedding }],
  usage: { prompt_tokens: tokens },
});
const works: Script = (call) => call.json(answer([1, 2]));

const ask = (caller: Caller, members: object = {}, call: Partial<EmbedCall> = {}) =>
  world.gateway.embed({
    request: fromEmbeddings(EmbeddingsBody.parse({ model: MODEL, input: 'Say it.', ...members })),
    ...{ caller, signal: new AbortController().signal, ...call },
  });

/** What a call that is answered comes to: who earned, and what the payer paid. */
async function called(members: object = {}) {
  const { caller, partyId } = await world.payer(1000n);
  const embedded = await ask(caller, members);
  await world.gateway.capture(embedded.inferenceId);
  const [available, held] = await world.balancesOf(partyId);
  expect(held).toBe(0n);
  return {
    embedded,
    ended: await world.gateway.find(embedded.inferenceId),
    paid: 1000n - available,
  };
}

const onlyOf = (...only: readonly string[]) => ({ openledger: { route: { only } } });

test('where one operator refuses, the next answers: it earns, its price is paid, and the record says so', async () => {
  world.operator.plays((call) => call.status(500));
  const { embedded, ended, paid } = await called();
  expect(embedded).toMatchObject({ vectors: [[1, 2]], priceUnits: 5n * 20n });
  expect(paid).toBe(5n * 20n);
  const operators = await world.gateway.operators();
  const earner = operators.find(({ name }) => name === 'spare')?.partyId;
  expect(ended).toMatchObject({
    ...{ status: 'served', priceUnits: paid },
    route: { operator: 'spare', operatorPartyId: earner },
  });
  expect(ended.failures.map((one) => [one.operator, one.reason])).toEqual([['remote', '500']]);
  expect(spare.calls.map(({ body }) => body.model)).toEqual(['theirs']);
  const standing = world.gateway.standings().find(({ operator }) => operator === 'remote');
  expect(standing).toMatchObject({ health: { failures: 1 } });
});

test('one that gives other vectors than were asked for has failed, and the next is asked', async () => {
  world.operator.plays((call) => call.json(answer([1])));
  const { embedded, ended } = await called({ dimensions: 2 });
  expect(embedded.vectors).toEqual([[1, 2]]);
  expect(ended.failures).toMatchObject([{ operator: 'remote', reason: 'operator_failed' }]);
});

test('what is held covers the dearest of them, and the one who answered is paid alone', async () => {
  const { caller } = await world.payer(20n * BigInt(MOST_TOKENS) - 1n);
  await expect(ask(caller)).rejects.toMatchObject({ code: 'insufficient_funds' });
  expect(world.operator.calls).toEqual([]);
  expect((await ask(caller, onlyOf('remote'))).priceUnits).toBe(price(5, 0));
  expect((await called()).paid).toBe(price(5, 0));
});

test('when everybody fails the call costs nothing, and the last failure is told', async () => {
  const { caller, partyId } = await world.payer(1000n);
  for (const operator of [world.operator, spare]) operator.plays((call) => call.status(503));
  await expect(ask(caller)).rejects.toMatchObject({ details: { operatorStatus: 503 } });
  const [ended] = await world.gateway.list({ payerId: partyId, limit: 1 });
  expect(ended).toMatchObject({ status: 'void', finishReason: 'operator_failed' });
  expect(ended.failures.map(({ operator }) => operator)).toEqual(['remote', 'spare', 'remote']);
  expect(await world.balancesOf(partyId)).toEqual([1000n, 0n]);
});

test('a request that an operator refuses as such is not tried elsewhere', async () => {
  const { caller } = await world.payer(1000n);
  world.operator.plays((call) => call.status(400));
  await expect(ask(caller)).rejects.toMatchObject({ details: { operatorStatus: 400 } });
  expect(spare.calls).toEqual([]);
});

test('a hedge asks the next beside one that is slow, who is stopped', async () => {
  world.operator.plays(async (call) => await call.closed);
  const { ended } = await called({ openledger: { route: { hedgeAfterMs: 30 } } });
  expect(ended.route.operator).toBe('spare');
  await world.operator.calls[0].closed;
});

test('an operator of a kind that makes none is left out, and where no other is the client is told', async () => {
  await offer({ operator: 'claude', tier: 0 });
  const { ended } = await called(onlyOf('claude', 'spare'));
  expect(ended.route.operator).toBe('spare');
  const { caller, partyId } = await world.payer(1000n);
  await expect(ask(caller, onlyOf('claude'))).rejects.toMatchObject({ code: 'unprocessable' });
  expect(await world.gateway.list({ payerId: partyId, limit: 1 })).toEqual([]);
  await world.gateway.removeOffer({ model: MODEL, operator: 'claude' });
});

test('a key’s limits count a call at the most that it may have, and then at what it had', async () => {
  const limits = {
    ...{ requestsPerMinute: 2, tokensPerMinute: MOST_TOKENS + 4 },
    modelUnits: { [MODEL]: 20n * BigInt(MOST_TOKENS) + 10n },
  };
  const { caller, partyId } = await world.payer(10_000n, { limits });
  const { rates } = await ask(caller);
  expect(rates?.requests).toMatchObject({ limit: 2, remaining: 1 });
  expect(rates?.tokens).toMatchObject({ limit: MOST_TOKENS + 4, remaining: 4 });

  const long = ask(caller, { input: 'x'.repeat(12) });
  await expect(long).rejects.toMatchObject({ code: 'too_large', details: { scope: 'tokens' } });
  await expect(ask(caller)).rejects.toMatchObject({
    ...{ code: 'rate_limited', details: { scope: 'tokens', available: MOST_TOKENS - 1 } },
  });
  world.clock.pass(60_000); // tokens and requests have drained
  expect((await ask(caller)).priceUnits).toBe(price(5, 0));
  world.clock.pass(60_000);
  const spent = 2n * price(5, 0);
  await expect(ask(caller)).rejects.toMatchObject({
    ...{ code: 'insufficient_funds' },
    details: { scope: 'model', missing: `${spent - 10n}` },
  });
  const calls = await world.gateway.list({ payerId: partyId, limit: 10 });
  expect(calls.map(({ status }) => status)).toEqual(['served', 'served']);
});

test('whoever watches hears of each call one end, and of each operator that was asked', async () => {
  const told: unknown[] = [];
  const observer: CallObserver = {
    started: () => ({
      routed: ({ operation, delivery, operator }) => told.push([operation, delivery, operator]),
      opened: ({ maxTokens, cachedFrom }) => told.push(['opened', maxTokens, cachedFrom]),
      attempt({ name, model }) {
        told.push([name, model]);
        return {
          headers: { traceparent: `of ${name}` },
          waits() {},
          waited() {},
          firstText: () => told.push('text'),
          ended: ({ kind }) => told.push([name, kind]),
        };
      },
      ended: (end) => told.push(end.kind === 'served' ? [end.kind, end.usage] : end.kind),
    }),
  };
  const { embed } = world.openGateway({ observer });
  const { caller } = await world.payer(1000n);
  const request = fromEmbeddings(EmbeddingsBody.parse({ model: MODEL, input: 'Say it.' }));
  const call = { request, caller, signal: new AbortController().signal };
  world.operator.plays((call) => call.status(500));
  await embed(call);
  expect(told.splice(0)).toEqual([
    ...[
      ['embedding', 'whole', 'remote'],
      ['opened', undefined, undefined],
    ],
    ...[
      ['remote', 'echo'],
      ['remote', 'failed'],
      ['spare', 'theirs'],
      ['spare', 'ended'],
    ],
    ['served', { promptTokens: 5, completionTokens: 0 }],
  ]);
  expect(spare.calls[0].headers.traceparent).toBe('of spare');

  world.operator.plays((call) => call.status(400));
  await expect(embed(call)).rejects.toMatchObject({ code: 'operator_failed' });
  expect(told.splice(0).slice(-2)).toEqual([['remote', 'failed'], 'void']);

  await expect(embed({ ...call, request: { ...request, model: 'nobody' } })).rejects.toThrow();
  expect(told).toEqual(['refused']);
});
