import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditWithin } from '../../test/harness/audit-within.ts';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { systemClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import { newId } from '../platform/new-id.ts';
import { type Sql, sql } from '../platform/sql.ts';
import { createLedger, transactionIdFor } from './index.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  const ledger = createLedger({ db: database.db, clock: systemClock, log: silentLog });
  await ledger.start();
  const pay = (key: string, from: string, to: string, amount: bigint) =>
    ledger.post({
      transactionId: transactionIdFor(new Date(), key),
      reason: 'test',
      postings: [{ from, to, amount }],
    });
  const holds = [newId('hold', systemClock), newId('hold', systemClock)];
  await pay('fund', 'external:chain', 'ann:available', 100n);
  await Promise.all([
    pay('a', 'ann:available', 'bob:available', 5n),
    pay('b', 'ann:available', 'cid:available', 6n),
    pay('c', 'bob:available', 'cid:available', 1n),
  ]);
  for (const holdId of holds) {
    await ledger.hold({
      holdId,
      from: 'ann:available',
      to: 'ann:held',
      amount: 10n,
      expiresAt: new Date('2027-01-01'),
      reason: 'test',
    });
  }
  await ledger.capture({
    holdId: holds[0],
    reason: 'test',
    postings: [{ to: 'clearing:fees', amount: 3n }],
  });
  await ledger.stop(); // the follower has been everywhere
});

afterAll(() => database.drop());

/** Tampers, audits inside the same transaction, and undoes it. */
async function auditAfter(...tampering: readonly Sql[]) {
  const { db } = database;
  let report: unknown;
  await db
    .transaction(async (tx) => {
      for (const statement of tampering) await tx.query(statement);
      report = await auditWithin(db, tx);
      throw new Error('undo');
    })
    .catch((error) => {
      if (error.message !== 'undo') throw error;
    });
  return report;
}

test('a log that nobody touched is whole', async () => {
  expect(await auditAfter()).toMatchObject({
    ok: true,
    batches: 5,
    transactions: 7,
    postings: 8,
    accounts: 6,
  });
});

const zeros = sql`decode(repeat('00', 32), 'hex')`;

test.each([
  [
    'an amount',
    'root',
    2,
    sql`update ledger.transactions set legs = replace(legs, ':6', ':7') where sequence = 3`,
  ],
  [
    'a receiver',
    'root',
    2,
    sql`update ledger.transactions set legs = replace(legs, '>4:', '>1:') where sequence = 3`,
  ],
  ['a reason', 'root', 1, sql`update ledger.transactions set reason = 'gift' where sequence = 1`],
  [
    'a time',
    'root',
    1,
    sql`update ledger.transactions set at = at + interval '1 s' where sequence = 1`,
  ],
  [
    'an id',
    'root',
    1,
    sql`update ledger.transactions set id = gen_random_uuid() where sequence = 1`,
  ],
  ['a token', 'root', 3, sql`update ledger.transactions set token = 3 where sequence = 5`],
  ['a hold', 'root', 3, sql`update ledger.transactions set hold = null where sequence = 5`],
  [
    'a sign',
    'transaction',
    2,
    sql`update ledger.transactions set legs = replace(legs, ':', ':-') where sequence = 2`,
  ],
  [
    'a side',
    'transaction',
    2,
    sql`update ledger.transactions set legs = replace(legs, '>', ':') where sequence = 2`,
  ],
  ['a deleted transaction', 'sequence', 2, sql`delete from ledger.transactions where sequence = 3`],
  [
    'a renumbered transaction',
    'sequence',
    1,
    sql`update ledger.transactions set sequence = 99 where sequence = 1`,
  ],
  ['a root', 'hash', 3, sql`update ledger.batches set root = ${zeros} where number = 3`],
  ['a term', 'hash', 3, sql`update ledger.batches set term = 2 where number = 3`],
  ['a hash', 'hash', 3, sql`update ledger.batches set hash = ${zeros} where number = 3`],
  [
    'a previous hash',
    'previous',
    3,
    sql`update ledger.batches set previous = ${zeros} where number = 3`,
  ],
  ['a count', 'root', 2, sql`update ledger.batches set count = 2 where number = 2`],
  ['a deleted batch', 'sequence', 3, sql`delete from ledger.batches where number = 3`],
  ['a deleted last batch', 'head', 4, sql`delete from ledger.batches where number = 5`],
  ['a head', 'head', 5, sql`update ledger.writer set hash = ${zeros}`],
  [
    'a balance',
    'balance',
    undefined,
    sql`update ledger.accounts set balance = balance + 1 where name = 'bob:available'`,
  ],
  [
    'an account that nobody paid',
    'account',
    undefined,
    sql`insert into ledger.accounts values (99, 'eve:available', 'OPEN', 5)`,
  ],
  [
    'a deleted account',
    'transaction',
    2,
    sql`delete from ledger.accounts where name = 'bob:available'`,
  ],
  [
    'a renamed account',
    'root',
    2,
    sql`update ledger.accounts set name = 'eve:available' where name = 'bob:available'`,
  ],
  ['an open hold', 'open_hold', undefined, sql`update ledger.holds set amount = 11`],
  ['a date of a hold', 'open_hold', undefined, sql`update ledger.holds set expires_at = now()`],
  ['a deleted hold', 'open_hold', undefined, sql`delete from ledger.holds`],
  [
    'a line of a statement',
    'entries',
    undefined,
    sql`update ledger.entries set closing = closing + 1 where account = 2`,
  ],
  ['a deleted line', 'entries', undefined, sql`delete from ledger.entries where account = 2`],
  [
    'a transaction of a statement',
    'entries',
    undefined,
    sql`update ledger.entries set offsets[1] = 1 where account = 2`,
  ],
  [
    'a follower that claims too little',
    'entries',
    undefined,
    sql`update ledger.follower set sequence = 3`,
  ],
] as const)('names tampering with %s: %s in batch %s', async (_, check, batch, tampering) => {
  expect(await auditAfter(tampering)).toMatchObject({ ok: false, check, batch });
});

test('names the first of several differences', async () => {
  const report = await auditAfter(
    sql`update ledger.accounts set balance = balance + 1 where name = 'bob:available'`,
    sql`update ledger.transactions set reason = 'x' where sequence = 6`,
    sql`update ledger.transactions set legs = replace(legs, ':6', ':7') where sequence = 3`,
  );
  expect(report).toMatchObject({ check: 'root', batch: 2 });
});

test('a hash made to fit gives itself away in the batch that follows', async () => {
  const { db } = database;
  const [row] = await db.query<{ hash: Uint8Array }>(
    sql`select hash from ledger.batches where number = 2`,
  );
  expect(row.hash).toHaveLength(32);
  const report = await auditAfter(
    sql`update ledger.batches set term = 7, hash = sha256(previous || int8send(7) || int8send(first_sequence) || root)
        where number = 2`,
  );
  expect(report).toMatchObject({ ok: false, check: 'term', batch: 3 });
});

test('the constraint refuses to overdraw even when the writer is bypassed', async () => {
  await expect(
    database.db.query(sql`update ledger.accounts set balance = -1 where name = 'bob:available'`),
  ).rejects.toThrow(/floor/);
});
