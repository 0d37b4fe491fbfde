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
  limits: undefined,
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
let post: (path: string, input: object, key: string) => Promise<{ status: number; body: Answer }>;
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
  post = async (path, input, key) => {
    const response = await app.request(`/api/ledger/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify(input),
    });
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

test('a statement is exported to whom it belongs, in each format', async () => {
  const { body } = await ask('export', 'ann');
  const statement = JSON.parse(String(body.text));
  expect(statement).toMatchObject({ subject: `${ann}:`, period: null, transactions: [{}, {}] });
  const csv = await ask(`export?format=csv&account=${ann}:payable`, 'ann');
  expect(String(csv.body.text).split('\r\n')).toHaveLength(5);
  const beancount = await ask('export?format=beancount&toSequence=1', 'ann');
  expect(beancount.body).toMatchObject({ format: 'beancount', transactions: 1 });
  expect(beancount.body.text).not.toContain('external');
  expect((await ask(`export?partyId=${bob}`, 'ann')).status).toBe(403);
  expect((await ask(`export?account=${bob}:available`, 'ann')).status).toBe(403);
  expect((await ask(`export?partyId=${bob}`, 'admin')).body).toMatchObject({ transactions: 1 });
  expect((await ask('export?account=external', 'admin')).status).toBe(400);
  expect((await ask('export?from=2999-01-01T00:00:00Z', 'ann')).body.transactions).toBe(0);
  expect((await ask('export?period=1', 'ann')).status).toBe(404);
});

test('the pages of the journal are the log, for admins', async () => {
  const first = await ask('journal?limit=2', 'admin');
  const second = await ask(`journal?limit=2&after=${first.body.next}`, 'admin');
  expect(second.body.next).toBeUndefined();
  const lines = `${first.body.text}${second.body.text}`.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).sequence)).toEqual([1, 2, 3]);
  expect((await ask('journal', 'ann')).status).toBe(403);
});

test('an admin closes a period; its seal is for everybody, a proof for whom it touches', async () => {
  const close = (key: string, period: number) => post('periods', { period }, key);
  expect((await close('ann', 1)).status).toBe(403);
  const { body: seal } = await close('admin', 1);
  expect(seal).toMatchObject({ period: 1, lastSequence: 3 });
  expect((await close('admin', 1)).body).toEqual(seal);
  expect((await close('admin', 3)).status).toBe(409);
  expect((await ask('periods')).body).toEqual({ items: [seal] });
  expect((await ask(`transactions/${transactionId}/proof`, 'ann')).body).toMatchObject({ seal });
  expect((await ask(`transactions/${transactionId}/proof`, 'bob')).status).toBe(404);
  expect((await ask('periods/1/late-events', 'admin')).body).toEqual({ items: [] });
  expect((await ask('export?period=1', 'ann')).status).toBe(200);
});
