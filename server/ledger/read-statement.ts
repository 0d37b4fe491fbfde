/** Statements as files carry them: what happened on an account, or on all of a party's, with the proofs that it did. */
import {
  type AccountStatement,
  isSubject,
  OpenLedgerError,
  type Statement,
  type StatementLine,
  toHex,
} from '@openledger/protocol';
import type { Db, Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { accountKey, bookOf, keyOf } from './account.ts';
import { literal } from './balances.ts';
import { type Levels, pathIn } from './merkle-levels.ts';
import { balanceLevels, findPeriod, type Period } from './periods.ts';
import { proveTransactions } from './prove.ts';
import { readTransactions, touches } from './read-transactions.ts';
import { changesOf } from './state.ts';
import type { Transaction } from './transaction.ts';

/** A sealed period, or a stretch of the log: all of it where nothing is said. Moments are those of posting. */
export type Span = {
  readonly period?: number;
  readonly from?: Date;
  /** Exclusive. */
  readonly to?: Date;
  readonly fromSequence?: number;
  /** Inclusive. */
  readonly toSequence?: number;
};

const MAX_TRANSACTIONS = 50_000;
const PAGE = 5_000;

/**
 * One snapshot of everything, so that the lines add up while the ledger goes on.
 *
 * @param subject an account, or how the accounts begin: `pty_0192...:`
 * @throws not_found when the period is not sealed; too_large beyond 50,000 transactions
 */
export async function readStatement(
  db: Db,
  { subject, span }: { readonly subject: string; readonly span: Span },
): Promise<Statement> {
  if (!subject.endsWith(':')) accountKey(subject);
  return db.transaction(async (tx) => {
    await tx.query(sql`set transaction isolation level repeatable read, read only`);
    const stretch = await findStretch(tx, span);
    const books = await readBooks(tx, subject);
    const opened = await readOpenings(tx, { books, first: stretch.first });
    const transactions = await readTouching(tx, { books, ...stretch });
    const proven = await proveTransactions(tx, transactions, stretch.period);
    const accounts = accountsOf({ subject, opened, transactions });
    return {
      version: 1,
      subject,
      period: stretch.period?.number ?? null,
      firstSequence: stretch.first,
      lastSequence: stretch.last,
      seals: { opening: stretch.before?.seal ?? null, closing: stretch.period?.seal ?? null },
      accounts: await withProofs(tx, accounts, stretch),
      ...proven,
    };
  });
}

type Stretch = {
  readonly first: number;
  readonly last: number;
  readonly period?: Period;
  /** The period before. */
  readonly before?: Period;
};

async function findStretch(reader: Reader, span: Span): Promise<Stretch> {
  if (span.period !== undefined) {
    const period = await findPeriod(reader, span.period);
    if (!period?.seal) {
      throw new OpenLedgerError('not_found', `Period ${span.period} is not sealed.`);
    }
    const before = await findPeriod(reader, span.period - 1);
    return { first: period.firstSequence, last: period.lastSequence, period, before };
  }
  const [{ head }] = await reader.query<{ head: string }>(
    sql`select sequence as head from ledger.writer`,
  );
  const last = Number(head);
  const from = span.from ? await firstSince(reader, span.from, last) : 1;
  const to = span.to ? (await firstSince(reader, span.to, last)) - 1 : last;
  const stretch = {
    first: Math.min(Math.max(from, span.fromSequence ?? 1), last + 1),
    last: Math.min(to, span.toSequence ?? last),
  };
  return { first: stretch.first, last: Math.max(stretch.last, stretch.first - 1) };
}

/** The first sequence posted at a moment or later. A writer's clock that was set back moves it by as much, no more. */
async function firstSince(reader: Reader, moment: Date, head: number): Promise<number> {
  let [low, high] = [1, head + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [row] = await reader.query<{ at: Date }>(
      sql`select at from ledger.transactions where sequence = ${middle}`,
    );
    if (row && row.at < moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

type Book = { readonly number: string; readonly account: string; readonly asset: string };

async function readBooks(reader: Reader, subject: string): Promise<readonly Book[]> {
  const chosen = subject.endsWith(':')
    ? sql`name like ${`${literal(subject)}%`}`
    : sql`name = ${subject}`;
  return reader.query<Book>(sql`
    select number, name as account, asset
    from ledger.accounts
    where ${chosen}
    order by name, asset`);
}

type Opened = Book & { readonly opening: bigint };

/** Where each book stood before a sequence: at the end of its last chunk, less what that chunk did since, more what no chunk has. */
async function readOpenings(
  reader: Reader,
  { books, first }: { readonly books: readonly Book[]; readonly first: number },
): Promise<readonly Opened[]> {
  const numbers = books.map(({ number }) => number);
  const rows = await reader.query<{ number: string; opening: string }>(sql`
    select book.number,
           coalesce(c.closing, 0) - coalesce(since.change, 0) + coalesce(tail.change, 0) as opening
    from unnest(${numbers}::bigint[]) as book(number)
    left join lateral (
      select closing, first_sequence, offsets
      from ledger.entries
      where account = book.number and first_sequence < ${first}::bigint
      order by first_sequence desc
      limit 1
    ) c on true
    left join lateral (
      select sum(side.amount) as change
      from unnest(c.offsets) as o(place)
      join ledger.transactions t on t.sequence = c.first_sequence + o.place
      cross join ledger.sides(t.legs) side
      where t.sequence >= ${first}::bigint and side.account = book.number
    ) since on true
    left join (
      select side.account, sum(side.amount) as change
      from ledger.transactions t
      cross join ledger.sides(t.legs) side
      where t.sequence > (select sequence from ledger.follower) and t.sequence < ${first}::bigint
      group by side.account
    ) tail on tail.account = book.number`);
  const openings = new Map(rows.map(({ number, opening }) => [number, BigInt(opening)]));
  return books.map((book) => ({ ...book, opening: openings.get(book.number) ?? 0n }));
}

/** @throws too_large when there are more than a statement holds */
async function readTouching(
  reader: Reader,
  {
    books,
    first,
    last,
  }: { readonly books: readonly Book[]; readonly first: number; readonly last: number },
): Promise<readonly Transaction[]> {
  const numbers = books.map(({ number }) => number);
  const rows = await reader.query<{ sequence: string }>(sql`
    select e.first_sequence + o.place as sequence
    from ledger.entries e, unnest(e.offsets) as o(place)
    where e.account = any(${numbers}::bigint[])
      and e.first_sequence <= ${last}::bigint
      and e.first_sequence + e.offsets[cardinality(e.offsets)] >= ${first}::bigint
      and e.first_sequence + o.place between ${first}::bigint and ${last}::bigint
    union
    select t.sequence
    from ledger.transactions t
    where t.sequence > (select sequence from ledger.follower)
      and t.sequence between ${first}::bigint and ${last}::bigint
      and ${touches(sql`nullif(array_to_string(${numbers}::bigint[], '|'), '')`)}
    order by sequence
    limit ${MAX_TRANSACTIONS + 1}`);
  if (rows.length > MAX_TRANSACTIONS) {
    throw new OpenLedgerError(
      'too_large',
      `There are more than ${MAX_TRANSACTIONS} transactions: ask for a shorter stretch.`,
    );
  }
  const transactions: Transaction[] = [];
  for (let at = 0; at < rows.length; at += PAGE) {
    const page = rows.slice(at, at + PAGE).map(({ sequence }) => sequence);
    transactions.push(
      ...(await readTransactions(reader, sql`t.sequence = any(${page}::bigint[])`)),
    );
  }
  return transactions;
}

type Unproven = Omit<AccountStatement, 'openingProof' | 'closingProof'> & {
  readonly number: string;
};

function accountsOf({
  subject,
  opened,
  transactions,
}: {
  readonly subject: string;
  readonly opened: readonly Opened[];
  readonly transactions: readonly Transaction[];
}): readonly Unproven[] {
  const lines = new Map<string, StatementLine[]>();
  const balances = new Map(
    opened.map(({ account, asset, opening }) => [bookOf(account, asset), opening]),
  );
  for (const transaction of transactions) {
    for (const [book, amount] of changesOf(transaction.postings)) {
      if (!isSubject(subject, keyOf(book).account)) continue;
      const balance = (balances.get(book) ?? 0n) + amount;
      balances.set(book, balance);
      const before = lines.get(book) ?? [];
      before.push(lineOf(transaction, { amount, balance }));
      lines.set(book, before);
    }
  }
  return opened.flatMap(({ number, account, asset, opening }) => {
    const entries = lines.get(bookOf(account, asset)) ?? [];
    if (opening === 0n && entries.length === 0) return [];
    const closing = entries.at(-1)?.balance ?? opening.toString();
    return [{ number, account, asset, opening: opening.toString(), closing, entries }];
  });
}

export const lineOf = (
  { sequence, transactionId, kind, at, effectiveAt, reason, reference }: Transaction,
  { amount, balance }: { readonly amount: bigint; readonly balance: bigint },
): StatementLine => ({
  ...{ sequence, transactionId, kind, reason },
  ...(reference === undefined ? {} : { reference }),
  at: at.toISOString(),
  ...(effectiveAt ? { effectiveAt: effectiveAt.toISOString() } : {}),
  amount: amount.toString(),
  balance: balance.toString(),
});

async function withProofs(
  reader: Reader,
  accounts: readonly Unproven[],
  { period, before }: Stretch,
): Promise<AccountStatement[]> {
  const numbers = accounts.map(({ number }) => number);
  const closing = period && (await readPlaces(reader, period.number, numbers));
  const opening = before && (await readPlaces(reader, before.number, numbers));
  return accounts.map(({ number, ...account }) => ({
    ...account,
    openingProof: opening?.(number) ?? null,
    closingProof: closing?.(number) ?? null,
  }));
}

/** The place of each account in a sealed trial balance, and its way to the root. */
async function readPlaces(reader: Reader, period: number, numbers: readonly string[]) {
  const rows = await reader.query<{ account: string; place: number }>(sql`
    select account, place
    from ledger.period_balances
    where period = ${period} and account = any(${numbers}::bigint[])`);
  const places = new Map(rows.map(({ account, place }) => [account, place]));
  const levels: Levels = rows.length > 0 ? await balanceLevels(reader, period) : [[]];
  return (number: string) => {
    const index = places.get(number);
    return index === undefined ? null : { index, proof: pathIn(levels, index).map(toHex) };
  };
}
