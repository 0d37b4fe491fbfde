/**
 * Every row of the ledger's tables is deleted, doubled, and changed in every column, one at a time; the audit has to name each.
 *
 * The inbox is left out: its wishes are on their way, and nothing in it has been done.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditWithin } from '../../test/harness/audit-within.ts';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { systemClock } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { silentLog } from '../platform/log.ts';
import { newId } from '../platform/new-id.ts';
import type { Sql } from '../platform/sql.ts';
import { createLedger, type Ledger } from './index.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  const ledger = createLedger({ db: database.db, clock: systemClock, log: silentLog });
  await ledger.start();
  await everyKind(ledger);
  for (const period of [1, 2]) {
    await ledger.closePeriod(period);
    await ledger.sealPeriod(period);
    await pay(ledger);
  }
  await ledger.closePeriod(3);
  await ledger.stop(); // the follower has been everywhere
});

afterAll(() => database.drop());

const pay = (ledger: Ledger) =>
  ledger.post({
    transactionId: newId('transaction', systemClock),
    reason: 'test',
    postings: [{ from: 'ann:available', to: 'dan:available', amount: 10n ** 16n + 1n }],
  });

const soon = () => new Date(Date.now() + 3_600_000);

/** One of each kind of transaction; a hold and a lease stay open. */
async function everyKind(ledger: Ledger): Promise<void> {
  const txn = () => newId('transaction', systemClock);
  const hld = () => newId('hold', systemClock);
  const why = { reason: 'test', reference: 'a reference' };
  const funded = txn();
  await ledger.post({
    ...why,
    transactionId: funded,
    effectiveAt: new Date('2026-01-01'),
    postings: [
      { from: 'external:chain', to: 'ann:available', amount: 10n ** 18n },
      { from: 'external:chain', to: 'bob:available', amount: 7n, asset: 'USD' },
    ],
  });
  const paid = txn();
  await Promise.all([
    ledger.post({
      transactionId: paid,
      reason: 'test',
      postings: [
        { from: 'ann:available', to: 'bob:available', amount: 500n },
        { from: 'ann:available', to: 'cid:available', amount: 60n },
        { from: 'bob:available', to: 'cid:available', amount: 1n },
      ],
    }),
    ledger.post({
      ...why,
      transactionId: txn(),
      postings: [{ from: 'ann:available', to: 'cid:available', amount: 5n }],
    }),
  ]);
  await ledger.reverse({ ...why, transactionId: txn(), reverses: paid, amount: 100n });
  const held = { ...why, from: 'ann:available', to: 'ann:held', amount: 40n };
  const [captured, released, open] = [hld(), hld(), hld()];
  for (const holdId of [captured, released, open]) {
    await ledger.hold({ ...held, holdId, expiresAt: soon() });
  }
  await ledger.capture({
    ...why,
    holdId: captured,
    postings: [{ to: 'bob:available', amount: 3n }],
  });
  await ledger.release({ ...why, holdId: released });
  const lease = hld();
  await ledger.lease({ ...held, holdId: lease, expiresAt: soon(), token: 1 });
  const renewal = { ...why, transactionId: txn(), holdId: lease, expiresAt: soon() };
  await ledger.renew({ ...renewal, token: 2, amount: 9n });
  await ledger.drawAll([
    {
      ...why,
      transactionId: txn(),
      holdId: lease,
      token: 2,
      postings: [{ to: 'bob:available', amount: 4n }],
    },
  ]);
  await ledger.expireHolds(new Date(0));
}

type Column = { readonly table: string; readonly column: string; readonly type: string };

/** What a value of a column may become, as SQL over the column. */
const CHANGES: Readonly<Record<string, (column: string) => readonly string[]>> = {
  bigint: (c) => [`${c} + 1`, `${c} - 1`, '0', `${c} + 1000000`, 'null', '1'],
  integer: (c) => [`${c} + 1`, `${c} - 1`, '0', 'null', '1'],
  'numeric(78,0)': (c) => [`${c} + 1`, `${c} - 1`, `-${c}`, `'NaN'`],
  bytea: (c) => [
    ...[0, 13, 31].map((at) => `set_byte(${c}, ${at}, get_byte(${c}, ${at}) # 1)`),
    `'\\x'::bytea`,
    `${c} || '\\x00'::bytea`,
    'null',
  ],
  text: (c) => [
    `${c} || 'x'`,
    `${c} || ' '`,
    `left(${c}, -1)`,
    `''`,
    'null',
    `'post'`,
    ...[1, 3, 7].flatMap((at) => [
      `overlay(${c} placing chr(ascii(substr(${c}, ${at}, 1)) # 1) from ${at} for 1)`,
      `overlay(${c} placing chr(ascii(substr(${c}, ${at}, 1)) # 8) from ${at} for 1)`,
    ]),
    `replace(${c}, ',', ';')`,
    `replace(${c}, ':', ':0')`,
    `${c} || E'\\x1f'`,
    `${c} || E'\\n'`,
  ],
  uuid: (c) => [
    `overlay(${c}::text placing '0' from 1 for 1)::uuid`,
    `overlay(${c}::text placing to_hex(('x' || right(${c}::text, 1))::bit(4)::int # 1) from 36 for 1)::uuid`,
    'null',
    'gen_random_uuid()',
  ],
  'timestamp with time zone': (c) => [
    `${c} + interval '1 microsecond'`,
    `${c} - interval '1 second'`,
    `'infinity'`,
    'null',
    'now()',
  ],
  'smallint[]': (c) => [
    `${c} || 1::smallint`,
    `${c}[2:]`,
    `'{}'`,
    `('[4:' || 3 + cardinality(${c}) || ']=' || ${c}::text)::smallint[]`,
    `array_replace(${c}, 0::smallint, 1::smallint)`,
    `array_append(trim_array(${c}, 1), (${c}[cardinality(${c})] + 1)::smallint)`,
  ],
  boolean: (c) => [`not ${c}`],
};

test('the audit notices every change of one row', async () => {
  const { db } = database;
  const unnoticed: string[] = [];
  let [noticed, refused] = [0, 0];
  await db
    .transaction(async (tx) => {
      expect(await auditWithin(db, tx)).toMatchObject({ ok: true });
      for (const { place, statement } of await tamperings(tx)) {
        const outcome = await tamper(tx, statement, () => auditWithin(db, tx));
        if (outcome === 'refused') refused += 1;
        else if (outcome === 'noticed') noticed += 1;
        else if (outcome === 'unnoticed') unnoticed.push(`${place}: ${statement.text}`);
      }
      throw new Error('undo');
    })
    .catch((error) => {
      if (error.message !== 'undo') throw error;
    });
  expect(unnoticed).toEqual([]);
  expect(noticed).toBeGreaterThan(1_000);
  expect(refused).toBeGreaterThan(0); // by the tables' constraints
}, 600_000);

/** @returns 'idle' where the statement changed nothing, 'refused' where the database did not let it */
async function tamper(tx: Tx, statement: Sql, audit: () => Promise<{ readonly ok: boolean }>) {
  const run = (text: string) => tx.query({ text, values: [] });
  await run('savepoint untouched');
  try {
    const changed = await tx.query(statement);
    if (changed.length === 0) return 'idle';
  } catch {
    await run('rollback to untouched');
    return 'refused';
  }
  const { ok } = await audit();
  await run('rollback to untouched');
  return ok ? 'unnoticed' : 'noticed';
}

async function tamperings(tx: Tx): Promise<readonly { place: string; statement: Sql }[]> {
  const columns = await tx.query<Column>({
    text: `
      select c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type
      from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = 'ledger'::regnamespace and c.relkind = 'r' and c.relname <> 'inbox'
      order by 1, a.attnum`,
    values: [],
  });
  const all: { place: string; statement: Sql }[] = [];
  for (const table of new Set(columns.map((column) => column.table))) {
    const own = columns.filter((column) => column.table === table);
    const rows = await tx.query<{ ctid: string }>({
      text: `select ctid::text from ledger.${table} order by ctid`,
      values: [],
    });
    for (const [index, { ctid }] of rows.entries()) {
      const place = `${table} row ${index + 1}`;
      const at = `ctid = '${ctid}'`;
      const add = (text: string) => all.push({ place, statement: { text, values: [] } });
      add(`delete from ledger.${table} where ${at} returning 1`);
      for (const { column, type } of own) {
        for (const change of CHANGES[type](column)) {
          const names = own.map((one) => (one.column === column ? change : one.column)).join(', ');
          add(`update ledger.${table} set ${column} = ${change}
               where ${at} and ${column} is distinct from (${change}) returning 1`);
          if (change.endsWith('+ 1000000') || change === 'gen_random_uuid()') {
            add(
              `insert into ledger.${table} select ${names} from ledger.${table} where ${at} returning 1`,
            );
          }
        }
      }
    }
  }
  return all;
}
