import { defaultPolicy, policyHash } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { enact } from './enact.ts';
import { createGovernance } from './index.ts';

let database: TestDatabase;
let now = new Date('2026-01-01T00:00:00Z');
const clock = { now: () => now };

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('the default policy rules from the first start on, and a second start changes nothing', async () => {
  const first = await createGovernance({ db: database.db, clock });
  now = new Date('2026-01-02T00:00:00Z');
  const second = await createGovernance({ db: database.db, clock });
  for (const governance of [first, second]) {
    expect(await governance.policyInForce()).toEqual({
      hash: policyHash(defaultPolicy),
      policy: defaultPolicy,
      inForceSince: new Date('2026-01-01T00:00:00Z'),
    });
  }
});

test('a new policy rules from its day on, and the old one is still found by its name', async () => {
  const governance = await createGovernance({ db: database.db, clock });
  const stricter = { ...defaultPolicy, trace: { ...defaultPolicy.trace, minWords: 12 } };
  await database.db.transaction((tx) => enact(tx, stricter, new Date('2026-02-01T00:00:00Z')));

  expect((await governance.policyInForce()).policy).toEqual(defaultPolicy);
  await expect(governance.findPolicy(policyHash(stricter))).rejects.toMatchObject({
    code: 'not_found',
  });
  now = new Date('2026-02-01T00:00:00Z');
  expect((await governance.policyInForce()).policy).toEqual(stricter);
  expect((await governance.findPolicy(policyHash(defaultPolicy))).policy).toEqual(defaultPolicy);
});

test('an invalid policy never rules', async () => {
  const broken = { ...defaultPolicy, withData: { ...defaultPolicy.withData, dataPpm: 1 } };
  await expect(
    database.db.transaction((tx) => enact(tx, broken, new Date('2026-03-01T00:00:00Z'))),
  ).rejects.toThrow();
});
