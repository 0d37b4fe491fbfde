import { setTimeout as pause } from 'node:timers/promises';
import type { Id } from '@openledger/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { systemClock } from '../platform/clock.ts';
import { openDb } from '../platform/db.ts';
import { silentLog } from '../platform/log.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { createLedger, type Ledger, type Post, transactionIdFor } from './index.ts';
import { nextTerm } from './postgres-store.ts';

let database: TestDatabase;
let ledger: Ledger;
const start = new Date();

let lateMs = 0;
const clock = { now: () => new Date(Date.now() + lateMs) };
const openLedger = (db = database.db) => createLedger({ db, clock, log: silentLog });

beforeEach(async () => {
  lateMs = 0;
  database = await createTestDatabase();
  ledger = openLedger();
  await ledger.start();
});

afterEach(async () => {
  await ledger.stop();
  await database.drop();
});

const named = (key: string) => transactionIdFor(start, key);
const pay = (key: string, from: string, to: string, amount: bigint): Post => ({
  transactionId: named(key),
  reason: 'test',
  postings: [{ from, to, amount }],
});
const fund = (account: string, amount: bigint) =>
  ledger.post(pay(`fund-${account}-${amount}`, 'external:chain', account, amount));
const newHold = () => newId('hold', systemClock);
const inAnHour = () => new Date(Date.now() + 3_600_000);
const holdFrom = (party: string, amount: bigint, holdId = newHold(), expiresAt = inAnHour()) => ({
  holdId,
  from: `${party}:available`,
  to: `${party}:held`,
  amount,
  expiresAt,
  reason: 'test',
});

test('what is posted can be read at once: balance, transaction, statement', async () => {
  await fund('ann:available', 10n);
  const effectiveAt = new Date('2026-05-04T03:02:01.123Z');
  const { kind, transactionId, sequence } = await ledger.post({
    transactionId: named('split'),
    reason: 'fees.routed',
    reference: 'inf_1',
    effectiveAt,
    postings: [
      { from: 'ann:available', to: 'bob:pending:1', amount: 7n },
      { from: 'ann:available', to: 'treasury:protocol', amount: 3n },
    ],
  });
  expect([kind, sequence]).toEqual(['posted', 2]);
  expect(await ledger.balance('bob:pending:1')).toBe(7n);
  expect(await ledger.balance('nobody:available')).toBe(0n);
  expect(await ledger.transaction(transactionId)).toMatchObject({
    transactionId,
    sequence: 2,
    kind: 'post',
    reason: 'fees.routed',
    reference: 'inf_1',
    effectiveAt,
    batch: 2,
    reversedBy: [],
    postings: [
      { from: 'ann:available', to: 'bob:pending:1', amount: 7n, asset: 'OPEN' },
      { from: 'ann:available', to: 'treasury:protocol', amount: 3n, asset: 'OPEN' },
    ],
  });
  expect(await ledger.statement('ann:available')).toMatchObject([
    { sequence: 2, transactionId, amount: -10n, balance: 0n, reason: 'fees.routed' },
    { sequence: 1, amount: 10n, balance: 10n },
  ]);
});

test('the same key and payload is answered with what it did; another payload is a conflict', async () => {
  await fund('ann:available', 10n);
  const wish = pay('once', 'ann:available', 'bob:available', 4n);
  const first = await ledger.post(wish);
  expect(await ledger.post(wish)).toEqual({ ...first, kind: 'replayed' });
  const other = ledger.post({ ...wish, reason: 'another' });
  await expect(other).rejects.toMatchObject({ code: 'conflict' });
  const twins = await Promise.all(
    [1, 2, 3].map(() => ledger.post({ ...wish, transactionId: named('x') })),
  );
  expect(twins.map(({ kind }) => kind)).toEqual(['posted', 'replayed', 'replayed']);
  expect(await ledger.balance('bob:available')).toBe(8n);
});

test('of a crowd that spends the same money, only as many succeed as there is money for', async () => {
  await fund('ann:available', 20n);
  const answers = await ledger.postAll(
    Array.from({ length: 50 }, (_, i) => pay(`spend-${i}`, 'ann:available', `p${i}:payable`, 1n)),
  );
  expect(answers.filter(({ kind }) => kind === 'posted').length).toBe(20);
  for (const answer of answers.slice(20)) {
    expect(answer).toMatchObject({ kind: 'refused', error: { code: 'insufficient_funds' } });
  }
  expect(await ledger.balance('ann:available')).toBe(0n);
  expect(await ledger.audit()).toMatchObject({ ok: true, transactions: 21 });
});

test('what is queued together shares a batch, and a bad wish in it fails alone', async () => {
  const answers = await ledger.postAll([
    pay('a', 'external:chain', 'ann:available', 5n),
    pay('b', 'ann:available', 'bob:available', 6n),
    pay('c', 'ann:available', 'ann:available', 1n),
    pay('d', 'ann:available', 'bob:available', 5n),
  ]);
  expect(answers.map((a) => (a.kind === 'refused' ? a.error.code : a.sequence))).toEqual([
    1,
    'insufficient_funds',
    'invalid_input',
    2,
  ]);
  expect(await database.db.query(sql`select number, count from ledger.batches`)).toEqual([
    { number: '1', count: 2 },
  ]);
});

test('a roll-up of thousands of postings in several transactions adds up', async () => {
  const wishes = Array.from({ length: 30 }, (_, i) => ({
    transactionId: named(`roll-${i}`),
    reason: 'roll-up',
    postings: Array.from({ length: 200 }, (_, j) => ({
      from: 'external:chain',
      to: `p${j}:pending:1`,
      amount: BigInt(i + j + 1),
    })),
  }));
  await ledger.postAll(wishes);
  expect(await ledger.balance('p7:pending:1')).toBe(BigInt((29 * 30) / 2 + 30 * 8));
  expect(await ledger.balances({ suffix: ':pending:1' })).toHaveLength(200);
  expect(await ledger.audit()).toMatchObject({ ok: true, postings: 6_000 });
});

test('a hold is captured in part, the rest returns, and it has ended once and for all', async () => {
  await fund('ann:available', 100n);
  const holdId = newHold();
  await ledger.hold(holdFrom('ann', 60n, holdId));
  expect(await ledger.hold(holdFrom('ann', 60n, newHold())).catch(({ code }) => code)).toBe(
    'insufficient_funds',
  );
  expect(await ledger.balance('ann:held')).toBe(60n);
  const capture = { holdId, reason: 'test', postings: [{ to: 'clearing:fees', amount: 45n }] };
  const { transactionId } = await ledger.capture(capture);
  expect(await ledger.capture(capture)).toMatchObject({ kind: 'replayed', transactionId });
  await expect(ledger.release({ holdId, reason: 'test' })).rejects.toMatchObject({
    code: 'conflict',
  });
  expect(await ledger.balance('ann:held')).toBe(0n);
  expect(await ledger.balance('ann:available')).toBe(55n);
  expect(await ledger.balance('clearing:fees')).toBe(45n);
});

test('a hold that begins and ends in one batch leaves no open hold', async () => {
  await fund('ann:available', 100n);
  const holdId = newHold();
  await Promise.all([
    ledger.hold(holdFrom('ann', 60n, holdId)),
    ledger.release({ holdId, reason: 'test' }),
  ]);
  expect(await ledger.balance('ann:available')).toBe(100n);
  expect(await ledger.audit()).toMatchObject({ ok: true });
});

test('the sweep expires what is due, nothing else, and nothing twice', async () => {
  await fund('ann:available', 100n);
  const [due, later, released] = [newHold(), newHold(), newHold()];
  const soon = new Date(Date.now() + 1_000);
  await ledger.hold(holdFrom('ann', 10n, due, soon));
  await ledger.hold(holdFrom('ann', 20n, later));
  await ledger.hold(holdFrom('ann', 30n, released, soon));
  await ledger.release({ holdId: released, reason: 'test' });
  expect(await ledger.expireHolds(new Date())).toBe(0);
  lateMs = 3_600_000;
  const sweeps = [ledger.expireHolds(inAnHour()), ledger.expireHolds(inAnHour())];
  const [a, b] = await Promise.all(sweeps);
  expect(a + b).toBe(2); // `later` ends exactly in an hour
  expect(await ledger.balance('ann:available')).toBe(100n);
  expect(await ledger.audit()).toMatchObject({ ok: true });
});

test('partial reversals end in the exact mirror, and no unit more', async () => {
  await fund('ann:available', 100n);
  const { transactionId } = await ledger.post({
    transactionId: named('split'),
    reason: 'test',
    postings: [
      { from: 'ann:available', to: 'bob:payable', amount: 33n },
      { from: 'ann:available', to: 'cid:payable', amount: 67n },
    ],
  });
  const reverse = (key: string, amount?: bigint) =>
    ledger.reverse({
      transactionId: named(key),
      reason: 'refund',
      reverses: transactionId,
      amount,
    });
  await reverse('r1', 10n);
  expect(await reverse('r1', 10n)).toMatchObject({ kind: 'replayed' });
  await Promise.all([reverse('r2', 1n), reverse('r3', 50n)]);
  await expect(reverse('r4', 40n)).rejects.toMatchObject({ details: { remaining: '39' } });
  await reverse('r5');
  expect(await ledger.balances({ suffix: ':payable' })).toEqual([]);
  expect(await ledger.balance('ann:available')).toBe(100n);
  expect((await ledger.transaction(transactionId))?.reversedBy).toHaveLength(4);
  expect(await ledger.audit()).toMatchObject({ ok: true });
});

test('a refund of a captured hold goes back to the payer, not into the hold', async () => {
  await fund('ann:available', 100n);
  const holdId = newHold();
  await ledger.hold(holdFrom('ann', 60n, holdId));
  const { transactionId } = await ledger.capture({
    holdId,
    reason: 'test',
    postings: [{ to: 'clearing:fees', amount: 45n }],
  });
  await ledger.reverse({ transactionId: named('refund'), reason: 'test', reverses: transactionId });
  expect(await ledger.balance('ann:available')).toBe(100n);
  expect(await ledger.balance('clearing:fees')).toBe(0n);
});

test('amounts of 2^255 survive the database', async () => {
  const large = 2n ** 255n;
  await fund('ann:available', large);
  await ledger.post(pay('most', 'ann:available', 'bob:available', large - 1n));
  expect(await ledger.balance('ann:available')).toBe(1n);
  expect(await ledger.balance('external:chain')).toBe(-large);
  expect(await ledger.audit()).toMatchObject({ ok: true });
});

test('a new ledger over the same database continues state, keys, holds and chain', async () => {
  await fund('ann:available', 100n);
  const holdId = newHold();
  await ledger.hold(holdFrom('ann', 60n, holdId));
  const wish = pay('once', 'ann:available', 'bob:available', 10n);
  await ledger.post(wish);
  await ledger.stop();
  ledger = openLedger();
  await expect(ledger.post(wish)).rejects.toMatchObject({ code: 'unavailable' });
  await ledger.start();
  expect((await ledger.post(wish)).kind).toBe('replayed');
  await ledger.capture({
    holdId,
    reason: 'test',
    postings: [{ to: 'bob:available', amount: 60n }],
  });
  expect(await ledger.balance('bob:available')).toBe(70n);
  expect(await ledger.audit()).toMatchObject({ ok: true, transactions: 4, batches: 4 });
});

test('one process writes; the wishes of the others reach it, and are done once', async () => {
  await fund('ann:available', 5n);
  const other = openLedger();
  await other.start();
  expect([ledger.isWriting(), other.isWriting()]).toEqual([true, false]);
  const wish = pay('from afar', 'ann:available', 'bob:available', 2n);
  const done = await other.post(wish);
  expect(done.kind).toBe('posted');
  expect(await ledger.post(wish)).toEqual({ ...done, kind: 'replayed' });
  await expect(other.post({ ...wish, reason: 'another' })).rejects.toMatchObject({
    code: 'conflict',
  });
  const dear = other.post(pay('dear', 'ann:available', 'bob:available', 9n));
  await expect(dear).rejects.toMatchObject({ details: { missing: '6' } });
  const holdId = newHold();
  await other.hold(holdFrom('ann', 3n, holdId));
  await other.release({ holdId, reason: 'test' });
  const crowd = Array.from({ length: 300 }, (_, i) =>
    pay(`crowd-${i}`, 'external:chain', 'cid:available', 1n),
  );
  expect((await other.postAll(crowd)).every(({ kind }) => kind === 'posted')).toBe(true);
  expect(await other.balance('cid:available')).toBe(300n);
  expect(await database.db.query(sql`select number from ledger.inbox`)).toEqual([]);
  await other.stop();
});

test('who stands by takes over within a moment, and answers what was asked meanwhile', async () => {
  await fund('ann:available', 5n);
  const other = openLedger();
  await other.start();
  await ledger.stop();
  const done = await other.post(pay('heir', 'ann:available', 'bob:available', 2n));
  expect(done.kind).toBe('posted');
  expect(other.isWriting()).toBe(true);
  expect(await other.audit()).toMatchObject({ ok: true, transactions: 2 });
  await other.stop();
});

test('a writer whose term is over changes nothing, and begins another', async () => {
  await fund('ann:available', 5n);
  await nextTerm(database.db);
  const wish = pay('late', 'ann:available', 'bob:available', 5n);
  await expect(ledger.post(wish)).rejects.toMatchObject({ code: 'unavailable' });
  expect(await ledger.balance('bob:available')).toBe(0n);
  expect(await ledger.post(wish)).toMatchObject({ kind: 'posted' });
  expect(await ledger.audit()).toMatchObject({ ok: true, transactions: 2 });
});

test('a writer whose term is over refuses nobody either: the next one may know better', async () => {
  await fund('ann:available', 10n);
  await nextTerm(database.db);
  const wish = pay('more than it knows of', 'ann:available', 'bob:available', 11n);
  await expect(ledger.post(wish)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(ledger.post(wish)).rejects.toMatchObject({ code: 'insufficient_funds' });
});

/** Ends the connection by which somebody writes. */
const loseWriter = () =>
  database.db.query(sql`
    select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory' and granted and objid = 7300002 and pid <> pg_backend_pid()
      and database = (select oid from pg_database where datname = current_database())`);

test('a successor takes over from a writer that lost its connection, and nothing is lost or doubled', async () => {
  await fund('ann:available', 1_000n);
  const successorDb = openDb(database.url);
  const successor = openLedger(successorDb);
  const wishes = Array.from({ length: 400 }, (_, i) =>
    pay(`k${i}`, 'ann:available', 'bob:available', 1n),
  );
  const acknowledged: string[] = [];
  const writing = (async () => {
    for (let i = 0; i < wishes.length; i += 20) {
      const part = wishes.slice(i, i + 20);
      await Promise.allSettled(
        part.map(async (wish) => {
          await ledger.post(wish);
          acknowledged.push(wish.transactionId);
        }),
      );
    }
  })();
  await expect.poll(() => acknowledged.length).toBeGreaterThan(50);
  await loseWriter();
  await successor.start();
  await writing;
  await ledger.stop();
  const before = acknowledged.length;
  const answers = await successor.postAll(wishes);
  const replayed = answers.filter(({ kind }) => kind === 'replayed').length;
  expect(replayed).toBeGreaterThanOrEqual(before);
  expect(answers.some(({ kind }) => kind === 'refused')).toBe(false);
  expect(await successor.balance('bob:available')).toBe(400n);
  expect(await successor.audit()).toMatchObject({ ok: true, transactions: 401 });
  await successor.stop();
  await successorDb.close();
});

test('a writer that begins its next term with a wish in its hands answers the others as well', async () => {
  await fund('ann:available', 5n);
  const other = openLedger();
  await other.start();
  const rival = await database.db.session();
  const rivals = rival.query(sql`select pg_advisory_lock(7300002)`); // when it is free
  let first: Promise<unknown> = Promise.resolve();
  let second: Promise<unknown> = Promise.resolve();
  await database.db.transaction(async (tx) => {
    await tx.query(sql`select from ledger.writer for update`); // its commit has to wait
    first = ledger.post(pay('lost', 'ann:available', 'bob:available', 1n));
    first.catch(() => {});
    await pause(100);
    second = ledger.post(pay('kept', 'ann:available', 'bob:available', 1n));
    await pause(100);
    await loseWriter();
  });
  await expect(first).rejects.toMatchObject({ code: 'unavailable' });
  await rivals;
  await pause(700); // it has seen that another writes
  await rival.close();
  expect(await second).toMatchObject({ kind: 'posted' });
  const asked = other.post(pay('asked', 'ann:available', 'bob:available', 1n));
  expect(await Promise.race([asked, pause(5_000)])).toMatchObject({ kind: 'posted' });
  await other.stop();
});

test('a statement is complete and in order, whether the follower has been there or not', async () => {
  await fund('ann:available', 1_000n);
  for (let i = 0; i < 5; i++) {
    await ledger.postAll(
      Array.from({ length: 10 }, (_, j) =>
        pay(`k${i}-${j}`, 'ann:available', 'bob:available', BigInt(j + 1)),
      ),
    );
    if (i === 2) {
      await expect
        .poll(async () => (await database.db.query(sql`select sequence from ledger.follower`))[0])
        .toEqual({ sequence: '31' });
    }
  }
  const pages = [];
  for (let after: number | undefined; ; ) {
    const page = await ledger.statement('ann:available', { limit: 7, after });
    pages.push(...page);
    if (page.length < 7) break;
    after = page[page.length - 1].sequence;
  }
  expect(pages).toHaveLength(51);
  expect(pages.map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: 51 }, (_, i) => 51 - i),
  );
  let balance = 0n;
  for (const entry of pages.reverse()) {
    balance += entry.amount;
    expect(entry.balance).toBe(balance);
  }
  expect(balance).toBe(await ledger.balance('ann:available'));
});

test('lists balances by how the name begins or ends, page by page, and patterns mean themselves', async () => {
  await Promise.all(
    [
      'pty_a:available',
      'pty_a:pending:1',
      'ptyxa:available',
      'pty_b:pending:1',
      'pty_b:pending:11',
    ].map((account) => fund(account, 1n)),
  );
  const names = async (filter: Parameters<Ledger['balances']>[0]) =>
    (await ledger.balances(filter)).map(({ account }) => account);
  expect(await names({ prefix: 'pty_a:' })).toEqual(['pty_a:available', 'pty_a:pending:1']);
  expect(await names({ suffix: ':pending:1' })).toEqual(['pty_a:pending:1', 'pty_b:pending:1']);
  const first = await ledger.balances({ limit: 2 });
  expect(await names({ after: first[1] })).toEqual([
    'pty_a:pending:1',
    'pty_b:pending:1',
    'pty_b:pending:11',
    'ptyxa:available',
  ]);
});

test('the trial balance sums to zero and shows no single party', async () => {
  await fund('pty_a:available', 7n);
  await ledger.post(pay('k', 'pty_a:available', 'pty_b:pending:1', 2n));
  expect(await ledger.trialBalance()).toEqual([
    {
      asset: 'OPEN',
      sum: 0n,
      lines: [
        { name: 'external:chain', accounts: 1, amount: -7n },
        { name: 'party:available', accounts: 1, amount: 5n },
        { name: 'party:pending', accounts: 1, amount: 2n },
      ],
    },
  ]);
});

test('an unknown transaction is not there, and an unknown one is not reversed', async () => {
  const transactionId = `txn_${'0'.repeat(32)}` as Id<'transaction'>;
  expect(await ledger.transaction(transactionId)).toBeUndefined();
  const reverse = ledger.reverse({
    transactionId: named('r'),
    reason: 'test',
    reverses: transactionId,
  });
  await expect(reverse).rejects.toMatchObject({ code: 'not_found' });
});
