/** Periods, seals, statements and their proofs. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BooksTrust,
  canonicalize,
  firstFailure,
  MAX_UNITS,
  type Seal,
  type Statement,
  verifyStatement,
  verifyTransactionProof,
} from '@openledger/protocol';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { silentLog } from '../platform/log.ts';
import { type Sql, sql } from '../platform/sql.ts';
import { beancountAccount, journalBeancount, ledgerAccount } from './format-beancount.ts';
import {
  createLedger,
  journalCsv,
  type Ledger,
  type Post,
  statementBeancount,
  statementCsv,
  transactionIdFor,
} from './index.ts';

let database: TestDatabase;
let ledger: Ledger;
let at = 0;
const start = Date.parse('2026-11-01T00:00:00Z');
const clock = { now: () => new Date(start + at) };
const folder = await mkdtemp(join(tmpdir(), 'openledger-books-'));

beforeEach(async () => {
  at = 0;
  database = await createTestDatabase();
  ledger = createLedger({ db: database.db, clock, log: silentLog });
  await ledger.start();
});
afterEach(async () => {
  await ledger.stop();
  await database.drop();
});
afterAll(() => rm(folder, { recursive: true }));

let asked = 0;
const pay = (from: string, to: string, amount: bigint, more: Partial<Post> = {}) => {
  at += 1_000;
  asked += 1;
  const transactionId = transactionIdFor(clock.now(), `pay ${asked}`);
  return ledger.post({ transactionId, reason: 'test', postings: [{ from, to, amount }], ...more });
};
const seal = async (period: number): Promise<Seal> => {
  at += 1_000;
  await ledger.closePeriod(period);
  return ledger.sealPeriod(period);
};
const failed = (statement: Statement | string, trust: BooksTrust) =>
  firstFailure(
    verifyStatement(typeof statement === 'string' ? statement : canonicalize(statement), trust),
  )?.check;

/** A little of everything in two periods, and a third that is open. */
async function keepBooks() {
  await pay('external:chain', 'ann:available', 100n);
  await Promise.all(
    Array.from({ length: 7 }, (_, i) => pay('ann:available', `p${i}:available`, 5n)),
  );
  const first = await seal(1);
  await pay('ann:available', 'bob:available', 9n, { reference: 'inf_1' });
  await pay('ann:available', 'ann:payable', 6n);
  await pay('bob:available', 'ann:available', 2n, { effectiveAt: new Date(start + 500) });
  const second = await seal(2);
  await pay('external:chain', 'ann:available', 1n);
  return { first, second };
}

test('a statement of a sealed period adds up, and leads to the seal alone', async () => {
  const { second } = await keepBooks();
  const statement = await ledger.export('ann:', { period: 2 });
  expect(statement.accounts).toMatchObject([
    { account: 'ann:available', opening: '65', closing: '52', entries: [{}, {}, {}] },
    { account: 'ann:payable', opening: '0', closing: '6', entries: [{ amount: '6' }] },
  ]);
  const results = verifyStatement(canonicalize(statement), { seals: [second.hash] });
  expect(results.map(({ check, ok }) => [check, ok])).toEqual(
    ['canonical', 'schema', 'seal', 'batch', 'transaction', 'entries', 'sum', 'balances'].map(
      (check) => [check, true],
    ),
  );
  expect(failed(statement, {})).toBe('seal');
  expect(JSON.parse(canonicalize(statement))).toEqual(statement);
  const one = await ledger.export('bob:available', { period: 2 });
  expect(failed(one, { seals: [second.hash] })).toBeUndefined();
});

test('each part that is forged fails with the check of its name', async () => {
  const { second } = await keepBooks();
  const trust = { seals: [second.hash] };
  const statement = await ledger.export('ann:', { period: 2 });
  const forge = (change: (copy: Statement) => unknown) => {
    const copy = structuredClone(statement);
    change(copy);
    return failed(copy, trust);
  };
  const { closing, opening } = statement.seals;
  const raised = (text: string) => String(BigInt(text) + 1n);
  const forgeries: readonly [string, (copy: Statement) => unknown][] = [
    ['schema', (s) => Object.assign(s, { version: 2 })],
    ['seal', (s) => Object.assign(s.seals, { closing: { ...closing, accounts: 9 } })],
    ['seal', (s) => Object.assign(s.seals, { opening: { ...opening, root: '0'.repeat(64) } })],
    ['batch', (s) => Object.assign(s.batches[0], { term: 7 })],
    ['batch', (s) => Object.assign(s.batches[0], { proof: [] })],
    [
      'transaction',
      ({ transactions: [one] }) => Object.assign(one, { leaf: one.leaf.replace('"9"', '"8"') }),
    ],
    ['transaction', (s) => s.transactions.pop()],
    ['entries', (s) => Object.assign(s.accounts[0].entries[0], { amount: '-8' })],
    ['entries', (s) => Object.assign(s.accounts[0].entries[0], { reason: 'gift' })],
    ['entries', (s) => s.accounts.pop()],
    ['sum', (s) => Object.assign(s.accounts[0].entries[0], { balance: '57' })],
    ['sum', (s) => Object.assign(s.accounts[0], { closing: '53' })],
    ['balances', (s) => Object.assign(s.accounts[0].closingProof!, { index: 1 })],
    [
      'balances',
      ({ accounts: [one] }) => {
        Object.assign(one, { opening: raised(one.opening), closing: raised(one.closing) });
        for (const entry of one.entries) entry.balance = raised(entry.balance);
      },
    ],
  ];
  for (const [check, change] of forgeries) expect(forge(change), String(change)).toBe(check);
});

test('no byte of a statement can be flipped', async () => {
  const { second } = await keepBooks();
  const text = canonicalize(await ledger.export('ann:', { period: 2 }));
  const trust = { seals: [second.hash] };
  const sizes = [...text.matchAll(/"size":\d+/g)].map(({ index }) => index); // which no hash covers
  const isSize = (place: number) => sizes.some((size) => place >= size && place < size + 10);
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.integer({ min: 1, max: 127 }), (place, mask) => {
      fc.pre(!isSize(place));
      const flipped = String.fromCharCode(text.charCodeAt(place) ^ mask);
      const forged = text.slice(0, place) + flipped + text.slice(place + 1);
      expect(failed(forged, trust), `${place}: ${flipped}`).toBeDefined();
    }),
    { numRuns: 400 },
  );
});

test('statements of any stretch of a random history add up, and meet the books', async () => {
  const accounts = ['ann:available', 'ann:payable', 'ann:pending:1', 'bob:available'];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(4), fc.nat(3), fc.bigInt(1n, 50n)), { minLength: 1, maxLength: 25 }),
      fc.tuple(fc.nat(30), fc.nat(30)),
      fc.boolean(),
      async (moves, [a, b], isFollowed) => {
        const [{ sequence: before }] = await database.db.query<{ sequence: string }>(
          sql`select sequence from ledger.writer`,
        );
        await Promise.allSettled(
          moves.map(([from, to, amount]) =>
            pay(['external:chain', ...accounts][from], accounts[to], amount),
          ),
        );
        if (isFollowed) await new Promise((resume) => setTimeout(resume, 150));
        const [fromSequence, toSequence] = [a, b]
          .sort((x, y) => x - y)
          .map((one) => one + 1 + Number(before) - 5)
          .map((one) => Math.max(1, one));
        const audited = await ledger.audit();
        if (!audited.ok) throw new Error(audited.detail);
        const statement = await ledger.export('ann:', { fromSequence, toSequence });
        expect(failed(statement, { batches: await batchHashes() })).toBeUndefined();
        for (const { account, opening, closing, entries } of statement.accounts) {
          const sum = entries.reduce((total, { amount }) => total + BigInt(amount), 0n);
          expect(BigInt(opening) + sum).toBe(BigInt(closing));
          const [newest] = await ledger.statement(account, { limit: 1, after: toSequence + 1 });
          expect(closing).toBe(String(newest?.balance ?? 0n));
        }
        const all = await ledger.export('ann:');
        for (const { account, closing } of all.accounts) {
          expect(closing).toBe(String(await ledger.balance(account)));
        }
      },
    ),
    { numRuns: 15 },
  );
}, 60_000);

const batchHashes = async () =>
  (
    await database.db.query<{ hash: string }>(
      sql`select encode(hash, 'hex') as hash from ledger.batches`,
    )
  ).map(({ hash }) => hash);

test('a period that ends under load has the balances of just its watermark, and keeps them', async () => {
  await pay('external:chain', 'ann:available', 1_000_000n);
  let open = true;
  const load = Promise.all(
    Array.from({ length: 8 }, async (_, lane) => {
      while (open) await pay('ann:available', `p${lane}:available`, 1n);
    }),
  );
  for (const period of [1, 2, 3, 4, 5]) {
    await new Promise((resume) => setTimeout(resume, 60));
    await seal(period);
  }
  const before = canonicalize(await ledger.export('ann:', { period: 3 }));
  await new Promise((resume) => setTimeout(resume, 60));
  open = false;
  await load;
  expect(canonicalize(await ledger.export('ann:', { period: 3 }))).toBe(before);
  expect(await ledger.audit()).toMatchObject({ ok: true });
  const [third] = (await ledger.periods()).filter(({ number }) => number === 3);
  expect(failed(before, { seals: [third.seal!.hash] })).toBeUndefined();
});

test('closing and sealing are found done when they are asked for again', async () => {
  await pay('external:chain', 'ann:available', 5n);
  const closed = await ledger.closePeriod(1);
  await pay('external:chain', 'ann:available', 5n); // the process fell between the two; the ledger went on
  expect(await ledger.closePeriod(1)).toEqual(closed);
  await expect(ledger.closePeriod(2)).rejects.toMatchObject({ code: 'conflict' });
  expect(await ledger.audit()).toMatchObject({ ok: true });
  const [one, two] = await Promise.all([ledger.sealPeriod(1), ledger.sealPeriod(1)]);
  expect(one).toEqual(two);
  expect(one).toMatchObject({ period: 1, lastSequence: 1, accounts: 2 });
  await Promise.all(Array.from({ length: 8 }, () => ledger.closePeriod(2)));
  const next = await ledger.sealPeriod(2);
  expect(next).toMatchObject({ firstSequence: 2, lastSequence: 2, previous: one.hash });
  await expect(ledger.closePeriod(5)).rejects.toMatchObject({ code: 'conflict' });
  await expect(ledger.sealPeriod(3)).rejects.toMatchObject({ code: 'not_found' });
  const empty = await seal(3);
  expect(empty).toMatchObject({ firstSequence: 3, lastSequence: 2 });
  expect(failed(await ledger.export('nobody:', { period: 3 }), { seals: [empty.hash] })).toBe(
    undefined,
  );
  expect(await ledger.audit()).toMatchObject({ ok: true });
});

test('what comes late is posted in the open period, and listed for the one it belongs to', async () => {
  await keepBooks();
  expect(await ledger.lateEvents({ period: 1 })).toMatchObject([
    { sequence: 11, effectiveAt: new Date(start + 500) },
  ]);
  expect(await ledger.lateEvents({ period: 2 })).toEqual([]);
  await expect(ledger.lateEvents({ period: 3 })).rejects.toMatchObject({ code: 'not_found' });
});

test('a transaction is proven by itself, before its period is sealed and after', async () => {
  const { transactionId } = await pay('external:chain', 'ann:available', 5n);
  const early = await ledger.prove(transactionId);
  const trust = { batches: [early!.batch.hash] };
  expect(firstFailure(verifyTransactionProof(canonicalize(early!), trust))).toBeUndefined();
  expect(firstFailure(verifyTransactionProof(canonicalize(early!), {}))?.check).toBe('batch');
  const { hash } = await seal(1);
  const proof = await ledger.prove(transactionId);
  expect(
    firstFailure(verifyTransactionProof(canonicalize(proof!), { seals: [hash] })),
  ).toBeUndefined();
  expect(await ledger.prove(`txn_${'0'.repeat(32)}`)).toBeUndefined();
});

test.each([
  ['a root', sql`update ledger.periods set root = sha256('x') where number = 1`],
  ['a seal', sql`update ledger.periods set hash = sha256('x') where number = 2`],
  [
    'a watermark',
    sql`update ledger.periods set last_sequence = last_sequence - 1 where number = 2`,
  ],
  ['a moment', sql`update ledger.periods set closed_at = closed_at - interval '1 s'`],
  [
    'a sealed balance',
    sql`update ledger.period_balances set balance = balance + 1 where place = 1`,
  ],
  ['a sealed line', sql`delete from ledger.period_balances where period = 2 and place = 1`],
  ['a count', sql`update ledger.periods set accounts = accounts + 1 where number = 1`],
] as const)('the audit names tampering with %s of a period', async (_, tampering: Sql) => {
  await keepBooks();
  await ledger.stop();
  await database.db.query(tampering);
  expect(await ledger.audit()).toMatchObject({ ok: false, check: 'period' });
});

/** RFC 4180, read the slow way. */
function parseCsv(csv: string): string[][] {
  const records: string[][] = [];
  for (let rest = csv; rest !== ''; ) {
    const record: string[] = [];
    for (;;) {
      const [whole, quoted, plain, end] = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/.exec(rest)!;
      record.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
      rest = rest.slice(whole.length);
      if (end !== ',') break;
    }
    records.push(record);
  }
  return records;
}

const nasty = ['=1+1', '+x', '-x', '@x', "'x", 'a "quoted", text', 'back\\slash', 'plain'];

test('CSV gives every text back, and no cell begins a formula', async () => {
  for (const reason of nasty) {
    await pay('external:chain', 'ann:available', MAX_UNITS / 100n, { reason, reference: reason });
  }
  const statement = await ledger.export('ann:available');
  const [header, opening, ...records] = parseCsv(statementCsv(statement));
  const closing = records.pop()!;
  const cell = (record: string[], name: string) => record[header.indexOf(name)];
  expect(cell(opening, 'balance_units')).toBe('0');
  expect(cell(closing, 'balance_units')).toBe(statement.accounts[0].closing);
  expect(records.map((one) => cell(one, 'reference').replace(/^'/, ''))).toEqual(nasty);
  for (const [place, { amount, balance }] of statement.accounts[0].entries.entries()) {
    expect(cell(records[place], 'amount_units')).toBe(amount);
    expect(cell(records[place], 'balance_units')).toBe(balance);
  }
  for (const record of records) expect(cell(record, 'reference')).not.toMatch(/^[=+\-@\t\r]/);
  const { transactions } = await ledger.journal({ limit: 100 });
  expect(parseCsv(journalCsv(transactions, { isFirst: true }))).toHaveLength(nasty.length + 1);
});

test('names of accounts come back from beancount as they went', () => {
  const part = fc.stringMatching(/^[A-Za-z0-9_.-]{1,8}$/);
  fc.assert(
    fc.property(fc.array(part, { minLength: 2, maxLength: 6 }), (parts) => {
      const name = beancountAccount(parts.join(':'));
      expect(name).toMatch(/^(Assets|Equity)(:[A-Z0-9][A-Za-z0-9-]*)+$/);
      expect(ledgerAccount(name)).toBe(parts.join(':'));
    }),
  );
  expect(beancountAccount('pty_0192:pending:7')).toBe('Assets:Pty-u0192:Pending:7');
});

const BEAN_CHECK = ['/usr/bin/bean-check', '/usr/local/bin/bean-check'].find(existsSync);

test.skipIf(!BEAN_CHECK)(
  `beancount accepts the exports${BEAN_CHECK ? '' : ' (skipped: bean-check is not installed here)'}`,
  async () => {
    await keepBooks();
    for (const reason of nasty) {
      await pay('external:chain', 'ann:available', MAX_UNITS / 1000n, {
        reason,
        reference: reason,
      });
    }
    await pay('ann:available', 'bob_-.X:available', MAX_UNITS / 500n);
    await pay('external:chain', 'ann:available', 7n, {
      postings: [
        { from: 'external:chain', to: 'ann:available', amount: 7n, asset: 'usd:cents' },
        { from: 'external:chain', to: 'ann:available', amount: 10n ** 27n },
      ],
    });
    await seal(3);
    const pages: string[] = [];
    for (let after: number | undefined; ; ) {
      const { transactions, next } = await ledger.journal({ limit: 4, after });
      pages.push(journalBeancount(transactions, { isFirst: after === undefined }));
      if (next === undefined) break;
      after = next;
    }
    const files = {
      journal: pages.join(''),
      party: statementBeancount(await ledger.export('ann:')),
      period: statementBeancount(await ledger.export('ann:', { period: 2 })),
      big: statementBeancount(await ledger.export('ann:', { period: 3 })),
      account: statementBeancount(await ledger.export('external:chain', { period: 3 })),
      empty: statementBeancount(await ledger.export('nobody:')),
    };
    for (const [name, text] of Object.entries(files)) {
      expect(check(await write(name, text)), `${name}\n${text}`).toBe('');
    }
    const wrong = files.period.replace(/(balance Assets:Ann:Payable {2})0/, '$11');
    expect(check(await write('wrong', wrong))).toContain('Balance failed');
  },
  60_000,
);

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, `${name}.beancount`);
  await writeFile(path, text);
  return path;
}

function check(path: string): string {
  const { status, stdout, stderr } = spawnSync(BEAN_CHECK!, ['--no-cache', path], {
    encoding: 'utf8',
  });
  return status === 0 ? '' : `${stdout}${stderr}` || `status ${status}`;
}
