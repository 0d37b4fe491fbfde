import type { Scope } from '@openledger/protocol';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import type { Reader } from '../platform/db.ts';
import { createAuthenticator } from './authenticate.ts';
import { createIdentity } from './index.ts';

let database: TestDatabase;
let now = Date.UTC(2026, 0, 1);
const clock = { now: () => new Date(now) };
const secrets: string[] = [];

/** How often PostgreSQL was asked; answers wait while the gate is shut. */
let reads = 0;
let gate: Promise<void> = Promise.resolve();
const reader: Reader = {
  async query(statement) {
    reads += 1;
    const rows = await database.db.query<never>(statement);
    await gate;
    return rows;
  },
};

beforeAll(async () => {
  database = await createTestDatabase();
  const identity = createIdentity({ db: database.db, clock });
  const first = (await identity.ensureAdminKey())!;
  const admin = (await identity.authenticate(first.secret))!;
  const order = { partyId: admin.partyId, label: 'one of many', scopes: ['read'] as Scope[] };
  for (let i = 0; i < 5; i++) secrets.push((await identity.createKey(admin, order)).secret);
});
afterAll(() => database.drop());
beforeEach(() => {
  reads = 0;
  gate = Promise.resolve();
});

function shutGate(): () => void {
  let open: () => void = () => {};
  gate = new Promise((resolve) => {
    open = resolve;
  });
  return open;
}

test('when more callers come than are remembered, the oldest is forgotten and nobody else', async () => {
  const { authenticate } = createAuthenticator(reader, clock, 3);
  for (const secret of secrets.slice(0, 4)) await authenticate(secret);
  expect(reads).toBe(4);
  for (const secret of secrets.slice(1, 4)) expect(await authenticate(secret)).toBeDefined();
  expect(reads).toBe(4);
  await authenticate(secrets[0]);
  expect(reads).toBe(5); // and now the second is the oldest
  for (const secret of [secrets[2], secrets[3], secrets[0]]) await authenticate(secret);
  expect(reads).toBe(5);
  await authenticate(secrets[1]);
  expect(reads).toBe(6);
});

test('a caller that was read again is the newest again', async () => {
  const { authenticate } = createAuthenticator(reader, clock, 2);
  await authenticate(secrets[0]);
  await authenticate(secrets[1]);
  now += 2000;
  await authenticate(secrets[0]);
  await authenticate(secrets[2]); // takes the place of the second, which was read before
  expect(reads).toBe(4);
  await authenticate(secrets[0]);
  expect(reads).toBe(4);
});

test('a hundred first checks of one key at once are one read', async () => {
  const { authenticate } = createAuthenticator(reader, clock);
  const open = shutGate();
  const checks = Array.from({ length: 100 }, () => authenticate(secrets[0]));
  checks.push(authenticate(secrets[1]));
  open();
  const callers = await Promise.all(checks);
  expect(reads).toBe(2);
  expect(new Set(callers.map((caller) => caller?.keyId)).size).toBe(2);
});

test('a read that was under way when a key was revoked is not believed afterwards', async () => {
  const { authenticate, forget } = createAuthenticator(reader, clock);
  const open = shutGate();
  const before = authenticate(secrets[0]);
  forget();
  const after = authenticate(secrets[0]);
  open();
  await Promise.all([before, after]);
  expect(reads).toBe(2);
});

test('what could not be read is read again by the next, and a key that is not there is not remembered', async () => {
  let isDown = true;
  const fails: Reader = {
    query: async (statement) => {
      if (isDown) throw new Error('no database');
      return reader.query<never>(statement);
    },
  };
  const { authenticate } = createAuthenticator(fails, clock);
  await expect(authenticate(secrets[0])).rejects.toThrow('no database');
  isDown = false;
  expect(await authenticate(secrets[0])).toBeDefined();
  const unknown = `ol_${'x'.repeat(43)}`;
  expect([await authenticate(unknown), await authenticate(unknown)]).toEqual([
    undefined,
    undefined,
  ]);
  expect(reads).toBe(3);
});
