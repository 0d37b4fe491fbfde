import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { type Caller, createIdentity } from '../identity/index.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { identityRoutes } from './identity.ts';

let database: TestDatabase;
let ask: (verb: string, input: unknown) => unknown;

beforeAll(async () => {
  database = await createTestDatabase();
  const identity = createIdentity({ db: database.db, clock });
  const first = await identity.ensureAdminKey();
  const caller = (await identity.authenticate(first?.secret as string)) as Caller;
  const routes = identityRoutes({ identity });
  ask = (verb, input) =>
    routes
      .find((route) => route.verb === verb)
      ?.handle(input, { caller, body: undefined, signal: AbortSignal.timeout(10_000) });
});
afterAll(() => database.drop());

const order = { label: 'limited', scopes: ['infer'] };

test('a key’s limits are ordered beside its spending limit, and told as they are', async () => {
  const limits = {
    ...{ limitUnits: '1000', dailyUnits: `${10n ** 30n}`, modelUnits: { base: '7' } },
    ...{ requestsPerMinute: 60, tokensPerMinute: 90_000 },
  };
  expect(await ask('createKey', { ...order, ...limits })).toMatchObject({ key: limits });
  const { items } = (await ask('listKeys', { limit: 100 })) as { items: object[] };
  expect(items.at(-1)).toMatchObject(limits);
  expect(items[0]).not.toHaveProperty('dailyUnits');
});

test.each([
  ['a day of less than nothing', { dailyUnits: '-1' }],
  ['a day of a part of a unit', { dailyUnits: '1.5' }],
  ['no models', { modelUnits: {} }],
  ['a model without a name', { modelUnits: { '': '1' } }],
  ['a model’s budget that is no amount', { modelUnits: { base: 1 } }],
  ['no requests at all', { requestsPerMinute: 0 }],
  ['half a request', { requestsPerMinute: 0.5 }],
  ['more tokens than can be counted', { tokensPerMinute: 1e12 }],
])('%s is refused as a limit', async (_, limits) => {
  await expect(ask('createKey', { ...order, ...limits })).rejects.toMatchObject({
    code: 'invalid_input',
  });
});
