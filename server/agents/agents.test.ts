import type { Id } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { type Caller, createIdentity, type Identity } from '../identity/index.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { type Agents, createAgents } from './index.ts';

let database: TestDatabase;
let identity: Identity;
let agents: Agents;
let caller: Caller;

beforeAll(async () => {
  database = await createTestDatabase();
  const { db } = database;
  identity = createIdentity({ db, clock });
  agents = createAgents({ db, clock, identity });
  const { secret } = (await identity.ensureAdminKey())!;
  caller = (await identity.authenticate(secret))!;
});
afterAll(() => database.drop());

test("an agent's key carries its mandate and speaks for its party", async () => {
  const { agent, secret } = await agents.create(caller, {
    name: 'researcher',
    limitUnits: 5n,
    models: ['base'],
  });
  expect(await identity.authenticate(secret)).toMatchObject({
    keyId: agent.key.id,
    partyId: caller.partyId,
    scopes: ['infer', 'read'],
    limitUnits: 5n,
    models: ['base'],
  });
  const list = await agents.list({ partyId: caller.partyId, limit: 10 });
  expect(list).toEqual([agent]);
});

test('an agent makes no agents', async () => {
  const { secret } = await agents.create(caller, { name: 'parent', limitUnits: 5n });
  const agentCaller = (await identity.authenticate(secret))!;
  await expect(agents.create(agentCaller, { name: 'child', limitUnits: 1n })).rejects.toMatchObject(
    { code: 'forbidden' },
  );
});

test('a name that is taken leaves no key behind', async () => {
  await agents.create(caller, { name: 'twin', limitUnits: 1n });
  const keysOf = async () =>
    (await identity.listKeys(caller, { partyId: caller.partyId, limit: 100 })).length;
  const before = await keysOf();
  await expect(agents.create(caller, { name: 'twin', limitUnits: 1n })).rejects.toMatchObject({
    code: 'conflict',
  });
  expect(await keysOf()).toBe(before);
});

test("another party's agents are not listed", async () => {
  const { id } = await identity.registerParty({ identity: 'handle:other' });
  expect(await agents.list({ partyId: id as Id<'party'>, limit: 10 })).toEqual([]);
});
