import type { Id, Scope } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import type { Caller } from '../identity/index.ts';
import { createLedger, type Ledger, transactionIdFor } from '../ledger/index.ts';
import { systemClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import { createHttp } from './app.ts';
import { ledgerRoutes } from './ledger.ts';

const ann = `pty_${'a'.repeat(32)}` as Id<'party'>;
const bob = `pty_${'b'.repeat(32)}` as Id<'party'>;

const callerWith = (partyId: Id<'party'>, scopes: readonly Scope[]): Caller => ({
  keyId: `key_${'0'.repeat(32)}`,
  partyId,
  scopes,
  limitUnits: undefined,
  models: undefined,
  expiresAt: undefined,
});

const callers: Readonly<Record<string, Caller>> = {
  ann: callerWith(ann, ['read']),
  bob: callerWith(bob, ['read']),
  admin: callerWith(`pty_${'0'.repeat(32)}`, ['admin']),
};

let database: TestDatabase;
let ledger: Ledger;
let transactionId: Id<'transaction'>;
let ask: (path: string, key?: string) => Promise<{ status: number; body: Answer }>;
type Answer = Record<string, unknown> & { items: Record<string, unknown>[]; next?: string };

beforeAll(async () => {
  database = await createTestDatabase();
  ledger = createLedger({ db: database.db, clock: systemClock, log: silentLog });
  await ledger.start();
  const pay = (key: string, from: string, to: string, amount: bigint) =>
    ledger.post({
      transactionId: transactionIdFor(new Date(), key),
      reason: 'test',
      postings: [{ from, to, amount }],
    });
  ({ transactionId } = await pay('a', 'external:chain', `${ann}:available`, 9n));
  await pay('b', `${ann}:available`, `${ann}:payable`, 2n);
  await pay('c', 'external:chain', `${bob}:available`, 5n);
  const app = createHttp({
    routes: ledgerRoutes({ ledger }),
    authenticate: async (secret) => callers[secret],
    log: silentLog,
  });
  ask = async (path, key) => {
    const headers: Record<string, string> = key ? { authorization: `Bearer ${key}` } : {};
    const response = await app.request(`/api/ledger/${path}`, { headers });
    return { status: response.status, body: (await response.json()) as Answer };
  };
});

afterAll(async () => {
  await ledger.stop();
  await database.drop();
});

test("a party sees its own accounts, page by page, and nobody else's", async () => {
  const { body } = await ask('balances?limit=1', 'ann');
  expect(body.items).toEqual([{ account: `${ann}:available`, asset: 'OPEN', amount: '7' }]);
  const second = await ask(`balances?limit=1&after=${encodeURIComponent(body.next!)}`, 'ann');
  expect(second.body.items).toEqual([{ account: `${ann}:payable`, asset: 'OPEN', amount: '2' }]);
  expect((await ask(`balances?partyId=${bob}`, 'ann')).status).toBe(403);
  expect((await ask(`balances?partyId=${bob}`, 'admin')).body.items).toHaveLength(1);
  expect((await ask('balances')).status).toBe(401);
});

test('a statement shows each change and where it led, newest first', async () => {
  const { body } = await ask(`statement?account=${ann}:available&limit=1`, 'ann');
  expect(body.items).toMatchObject([{ amount: '-2', balance: '7', kind: 'post', reason: 'test' }]);
  const second = await ask(`statement?account=${ann}:available&after=${body.next}`, 'ann');
  expect(second.body).toMatchObject({ items: [{ amount: '9', balance: '9' }] });
  expect(second.body.next).toBeUndefined();
  expect((await ask(`statement?account=${ann}:available`, 'bob')).status).toBe(403);
  expect((await ask('statement?account=external:chain', 'ann')).status).toBe(403);
});

test('a transaction is shown to whom it touches, without its key', async () => {
  const path = `transactions/${transactionId}`;
  const { body } = await ask(path, 'ann');
  expect(body).toMatchObject({ transactionId, sequence: 1, batch: 1, reversedBy: [] });
  expect((await ask(path, 'bob')).status).toBe(404);
  expect((await ask(path, 'admin')).status).toBe(200);
});

test('anybody may check that the books sum to zero', async () => {
  const { status, body } = await ask('trial-balance');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    assets: [
      { asset: 'OPEN', sum: '0', lines: [{ name: 'external:chain', amount: '-14' }, {}, {}] },
    ],
  });
});

test('an admin audits', async () => {
  expect((await ask('audit', 'ann')).status).toBe(403);
  expect((await ask('audit', 'admin')).body).toMatchObject({ ok: true, transactions: 3 });
});
