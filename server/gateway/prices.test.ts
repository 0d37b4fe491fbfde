import {
  type NamedTerms,
  priceBy,
  pricedBy,
  priceOf,
  pricingOf,
  termsHash,
  termsInForce,
} from '@openledger/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
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
import { sql } from '../platform/sql.ts';
import { EmbeddingsBody, fromEmbeddings, type Gateway } from './index.ts';

/** The model was registered with `remote`, at 2 and 3 units a token; `spare` offers it too. */
let world: TestGateway;
let spare: TestOperator;

beforeAll(async () => {
  world = await openTestGateway();
  spare = await startOperator();
  const { id: partyId } = await world.identity.registerParty({ identity: 'local:spare' });
  const { baseUrl } = spare;
  await world.gateway.registerOperator({ name: 'spare', kind: 'vllm', partyId, baseUrl });
});

afterAll(async () => {
  await spare.close();
  await world.end();
});

beforeEach(async () => {
  world.clock.pass(120_000);
  for (const operator of [world.operator, spare]) operator.plays(works);
  await offer(20n, 30n);
});

const works: Script = (call) => {
  call.text('Yes.');
  call.finish({ prompt: 5, completion: 2 });
};

const offer = (promptUnits: bigint, completionUnits: bigint, gateway: Gateway = world.gateway) =>
  gateway.offer({
    ...{ model: MODEL, operator: 'spare', operatorModel: 'theirs', weight: 100, tier: 1 },
    pricing: { promptUnits, completionUnits },
  });

/** How many calls operators have had. */
const asked = (): number => world.operator.calls.length + spare.calls.length;

const listOf = async (operator: string) =>
  (await world.gateway.priceList(MODEL)).filter((terms) => terms.operator.name === operator);

const inForce = async (operator: string) => (await listOf(operator)).at(-1) as NamedTerms;

const onTerms = (...terms: readonly NamedTerms[]) =>
  ask({ openledger: { terms: terms.map(({ hash }) => hash) } });

test('a registration has one version, from when it was made on, whoever reads it first', async () => {
  const others = [world.openGateway({}), world.openGateway({})];
  await world.models.registerExternal({
    ...{ name: 'seen/by-three', operator: 'remote', operatorModel: 'm', maxTokens: 100 },
    builderId: (await world.models.find(MODEL)).builderId,
    pricing: { promptUnits: 7n, completionUnits: 8n },
  });
  const model = await world.models.find('seen/by-three');
  const read = await Promise.all(
    [world.gateway, ...others].map((gateway) => gateway.termsOf([model])),
  );
  const [terms] = await world.gateway.priceList('seen/by-three');
  expect(read).toEqual([[terms], [terms], [terms]]);
  expect(terms).toMatchObject({
    ...{ model: 'seen/by-three', operator: { name: 'remote', party: model.builderId } },
    ...{ promptUnits: '7', completionUnits: '8', since: model.createdAt.toISOString() },
  });
  expect(terms.hash).toBe(termsHash(terms));
});

test('a changed offer is a new version; the same price again, another weight, or a removed offer is none', async () => {
  const before = await listOf('spare');
  await offer(21n, 30n);
  const { hash: _, ...changed } = await inForce('spare');
  await offer(21n, 30n);
  await world.gateway.offer({
    ...{ model: MODEL, operator: 'spare', operatorModel: 'other', weight: 5, tier: 3 },
    pricing: { promptUnits: 21n, completionUnits: 30n },
  });
  await world.gateway.removeOffer({ model: MODEL, operator: 'spare' });
  await offer(21n, 30n);
  const after = await listOf('spare');
  expect(after).toHaveLength(before.length + 1);
  expect(after.slice(0, -1)).toEqual(before);
  expect(await world.gateway.terms(after.at(-1)?.hash ?? '')).toEqual(changed);
  await expect(world.gateway.terms('0'.repeat(64))).rejects.toMatchObject({ code: 'not_found' });
});

test('an offer from before there was a list gets its first version where it is read next, once', async () => {
  await world.database.db.write(sql`delete from gateway.prices where operator = 'spare'`);
  const gateways = [world.openGateway({}), world.openGateway({}), world.openGateway({})];
  await Promise.all(gateways.map((gateway) => gateway.offers(MODEL)));
  expect(await listOf('spare')).toMatchObject([{ promptUnits: '20', completionUnits: '30' }]);
});

test('changes at the same moment come one after the other, and the last one is what the offer says', async () => {
  const gateways = [world.openGateway({}), world.openGateway({}), world.openGateway({})];
  await Promise.all(
    [40n, 41n, 42n, 43n, 44n, 45n].map((units, i) => offer(units, units, gateways[i % 3])),
  );
  const list = await listOf('spare');
  const times = list.map(({ since }) => Date.parse(since));
  expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
  const [, offered] = await world.gateway.offers(MODEL);
  expect(offered.terms).toEqual(list.at(-1));
});

test('a call’s record names the terms of who answered, and they make its price', async () => {
  world.operator.plays((call) => call.status(503));
  const { caller } = await world.payer(100_000n);
  const serving = await serve(world.gateway, caller);
  await read(serving);
  const { route, priceUnits, usage } = await world.gateway.find(serving.inferenceId);
  expect(route.operator).toBe('spare');
  expect(route.terms).toEqual(pricedBy(await inForce('spare')));
  expect(route.terms && priceBy(route.terms, usage)).toBe(priceUnits);
});

test('an answer given again names the terms of who would have been asked, and the part of them that it costs', async () => {
  const gateway = world.openGateway({
    cache: { seconds: 60, pricePpm: 500_000, sharedPricePpm: 500_000 },
  });
  const { caller } = await world.payer(100_000n);
  const request = ask({ temperature: 0 });
  const first = await serve(gateway, caller, { request });
  await read(first);
  await gateway.capture(first.inferenceId);
  const again = await serve(gateway, caller, { request });
  await read(again);
  expect(again.cachedFrom).toBe(first.inferenceId);
  const { route, priceUnits, usage } = await gateway.find(again.inferenceId);
  expect(route.terms).toEqual({ ...pricedBy(await inForce('remote')), ppm: 500_000 });
  expect(route.terms && priceBy(route.terms, usage)).toBe(priceUnits);
  expect(priceUnits).toBe(5n * 1n + 2n * 2n); // 1 and 1.5, rounded up
  await gateway.capture(again.inferenceId);
});

test('a price that has changed between quote and call is refused, names the terms in force, and costs nothing', async () => {
  const { caller, partyId } = await world.payer(100_000n);
  const quotes = await world.gateway.quote({ request: ask(), caller });
  const [, { terms: quoted }] = quotes;
  expect(quoted.operator.name).toBe('spare');
  await offer(19n, 30n);
  const now = [await inForce('remote'), await inForce('spare')];
  const before = asked();
  await expect(serve(world.gateway, caller, { request: onTerms(quoted) })).rejects.toMatchObject({
    ...{ code: 'conflict', details: { terms: now } },
  });
  expect(asked()).toBe(before);
  expect(await world.balancesOf(partyId)).toEqual([100_000n, 0n]);
  expect(await world.gateway.list({ payerId: partyId, limit: 9 })).toEqual([]);

  const serving = await serve(world.gateway, caller, { request: onTerms(now[1]) });
  await read(serving);
  expect(serving.operator).toBe('spare');
});

test('insisting leaves out whose terms are others, also where they would come next; a route that leaves nobody is not_found', async () => {
  world.operator.plays((call) => call.status(503));
  const { caller } = await world.payer(100_000n);
  const serving = await serve(world.gateway, caller, { request: onTerms(await inForce('remote')) });
  await expect(read(serving)).rejects.toMatchObject({ code: 'operator_failed' });
  const nobody = { terms: ['0'.repeat(64)], route: { only: ['stranger'] } };
  await expect(
    serve(world.gateway, caller, { request: ask({ openledger: nobody }) }),
  ).rejects.toMatchObject({ code: 'not_found' });
});

test('a quote is kept: at most what is set aside, each operator once, nobody asked, no money moved', async () => {
  const { caller, partyId } = await world.payer(1_000_000n);
  const before = asked();
  const request = ask();
  const quotes = await world.gateway.quote({ request, caller });
  expect(quotes.map(({ terms }) => terms.operator.name)).toEqual(['remote', 'spare']);
  for (const { terms, atMost, about } of quotes) {
    expect(atMost.units).toBe(priceOf(pricingOf(terms), atMost));
    expect(about.units).toBe(priceOf(pricingOf(terms), about));
    expect(about.units).toBeLessThanOrEqual(atMost.units);
  }
  expect(quotes[0].about.completionTokens).toBe(2); // as its last answers
  expect(asked()).toBe(before);
  expect(await world.balancesOf(partyId)).toEqual([1_000_000n, 0n]);

  const only = { openledger: { route: { only: ['spare'] } } };
  const serving = await serve(world.gateway, caller, { request: ask(only) });
  const [, held] = await world.balancesOf(partyId);
  expect(held).toBe(quotes[1].atMost.units);
  await read(serving);
});

test('a quote is refused where the call would be: to a key that may not call the model, and for a model there is not', async () => {
  const { caller } = await world.payer(1000n, { models: ['another'] });
  await expect(world.gateway.quote({ request: ask(), caller })).rejects.toMatchObject({
    code: 'forbidden',
  });
  const { caller: other } = await world.payer(1000n);
  const request = ask({ model: 'there/is-none' });
  await expect(world.gateway.quote({ request, caller: other })).rejects.toMatchObject({
    code: 'model_not_found',
  });
});

test('embeddings are quoted and insisted on likewise', async () => {
  const { caller, partyId } = await world.payer(1_000_000n);
  const embeddings = (terms?: readonly string[]) =>
    fromEmbeddings(
      EmbeddingsBody.parse({
        ...{ model: MODEL, input: ['some text', 'more'] },
        openledger: terms && { terms },
      }),
    );
  const quotes = await world.gateway.quoteEmbedding({ request: embeddings(), caller });
  expect(quotes.map(({ terms }) => terms.operator.name)).toEqual(['remote', 'spare']);
  expect(quotes[0].about).toEqual({ promptTokens: 4, completionTokens: 0, units: price(4, 0) });
  const signal = new AbortController().signal;
  await offer(22n, 0n);
  const request = embeddings([quotes[1].terms.hash]);
  await expect(world.gateway.embed({ request, caller, signal })).rejects.toMatchObject({
    code: 'conflict',
  });
  expect(await world.balancesOf(partyId)).toEqual([1_000_000n, 0n]);
});

const changes = fc.array(
  fc.record({ promptUnits: fc.bigInt(0n, 3n), passMs: fc.constantFrom(0, 1, 5000) }),
  { minLength: 1, maxLength: 6 },
);

test('the list replayed gives the terms that were in force at any time, and no change touches a call under way', async () => {
  await fc.assert(
    fc.asyncProperty(changes, async (some) => {
      const { caller } = await world.payer(100_000n);
      const before = await inForce('spare');
      const underWay = await serve(world.gateway, caller, { request: onTerms(before) });
      const seen: { readonly at: Date; readonly terms: NamedTerms }[] = [];
      for (const { promptUnits, passMs } of some) {
        world.clock.pass(passMs);
        await offer(promptUnits, 30n);
        const [, { terms }] = await world.gateway.offers(MODEL);
        expect(terms.promptUnits).toBe(`${promptUnits}`);
        // Of two changes within a millisecond the second begins after the first.
        seen.push({
          at: new Date(Math.max(world.clock.now().getTime(), Date.parse(terms.since))),
          terms,
        });
        world.clock.pass(10);
      }
      const list = await listOf('spare');
      for (const { at, terms } of seen) expect(termsInForce(list, at)).toEqual([terms]);

      await read(underWay);
      const { route, priceUnits, usage } = await world.gateway.find(underWay.inferenceId);
      expect(route.terms).toEqual(pricedBy(before));
      expect(priceUnits).toBe(priceOf(pricingOf(before), usage));
      await world.gateway.capture(underWay.inferenceId);
    }),
    { numRuns: 15 },
  );
}, 60_000);
