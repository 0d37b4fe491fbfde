import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { systemClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { commands } from './command.ts';
import { createFollower } from './follower.ts';
import { createLedger, type Ledger } from './index.ts';
import { createPostgresStore } from './postgres-store.ts';
import type { Write } from './store.ts';
import { createWriter } from './writer.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database.drop());

const pay = (amount: bigint) => ({
  transactionId: newId('transaction', systemClock),
  reason: 'test',
  postings: [
    { from: 'external:chain', to: 'ann:available', amount },
    { from: 'external:chain', to: 'bob:available', amount: 2n * amount },
    { from: 'ann:available', to: 'bob:available', amount: 1n },
  ],
});

test('what others wrote in between is read from the log, and what is known is not', async () => {
  const { db } = database;
  const follower = createFollower({ db, log: silentLog });
  const known: Write[] = [];
  const store = createPostgresStore({ db, clock: systemClock });
  const parts = { store, clock: systemClock, log: silentLog };
  const writer = createWriter({ ...parts, onCommit: (write) => void known.push(write) });
  await writer.start();
  for (let amount = 1n; amount <= 9n; amount++) await writer.submit(commands.post(pay(amount)));
  await writer.stop();
  const [a, b, , d, e, , , h] = known;
  for (const write of [a, b, d, e]) follower.follow(write);
  await follower.stop(); // a, b are known, c is read, d, e are known, the rest is read
  follower.follow(h); // long followed
  await follower.stop();
  const [{ sequence }] = await db.query(sql`select sequence from ledger.follower`);
  expect(sequence).toBe('9');
  const ledger: Ledger = createLedger({ db, clock: systemClock, log: silentLog });
  expect(await ledger.audit()).toMatchObject({ ok: true, transactions: 9 });
  const chunks = await db.query<{ first: string; offsets: string }>(sql`
    select e.first_sequence as first, e.offsets::text
    from ledger.entries e join ledger.accounts a on a.number = e.account
    where a.name = 'bob:available' order by e.first_sequence`);
  expect(chunks).toEqual([
    { first: '1', offsets: '{0,1}' },
    { first: '3', offsets: '{0}' },
    { first: '4', offsets: '{0,1}' },
    { first: '6', offsets: '{0,1,2,3}' },
  ]);
});
