/** Makes a batch durable: one statement, all or nothing, and nothing at all from a writer whose term is over. */
import { OpenLedgerError, toHex } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { bookOf } from './account.ts';
import { type Account, changesOf, type State } from './state.ts';
import { type Batch, batchHash, rootOf, type Transaction } from './transaction.ts';

/** What the next batch builds on: the last batch, and the last account number written. */
export type Head = Pick<Batch, 'number' | 'hash'> & { readonly account: number };

/**
 * Writes the transactions that were just applied to the state.
 *
 * @param session the writer's own connection
 * @throws unavailable when another writer has taken over; the state is then worthless
 */
export async function commitBatch(
  session: Reader,
  {
    state,
    term,
    head,
    transactions,
  }: {
    readonly state: State;
    readonly term: number;
    readonly head: Head;
    readonly transactions: readonly Transaction[];
  },
): Promise<Head> {
  const batch = seal({ term, head, transactions });
  const { opened, moved } = accountChanges(state, { before: head.account, transactions });
  const { begun, ended } = holdChanges(state, transactions);
  const written = await session.query<{ term: string }>(sql`
    with fence as (
      update ledger.writer
      set batch = ${batch.number},
          sequence = ${state.sequence},
          account = ${state.account},
          hash = ${bytea(batch.hash)}::bytea
      where term = ${term}
        and sequence = ${batch.firstSequence - 1}
      returning term
    ),
    batch as (
      insert into ledger.batches (number, term, first_sequence, count, previous, root, hash)
      select ${batch.number}::bigint, term, ${batch.firstSequence}::bigint, ${batch.count}::integer,
             ${bytea(batch.previous)}::bytea, ${bytea(batch.root)}::bytea, ${bytea(batch.hash)}::bytea
      from fence
    ),
    recorded as (
      insert into ledger.transactions (
        sequence, id, at, effective_at, expires_at, hold, reverses, kind, idempotency_key, payload, reason, reference,
        froms, tos, amounts)
      select t.sequence, t.id, t.at, t.effective_at, t.expires_at, t.hold, t.reverses, t.kind, t.idempotency_key,
             t.payload, t.reason, t.reference, t.froms::bigint[], t.tos::bigint[], t.amounts::numeric[]
      from fence, ${transactionColumns(state, transactions)}
        as t(sequence, id, at, effective_at, expires_at, hold, reverses, kind, idempotency_key, payload, reason,
             reference, froms, tos, amounts)
    ),
    opened as (
      insert into ledger.accounts (number, name, asset, balance)
      select a.number, a.name, a.asset, a.balance
      from fence, unnest(
        ${opened.map(({ number }) => number)}::bigint[], ${opened.map(({ account }) => account)}::text[],
        ${opened.map(({ asset }) => asset)}::text[], ${opened.map(({ balance }) => balance)}::numeric[]
      ) as a(number, name, asset, balance)
    ),
    moved as (
      update ledger.accounts
      set balance = accounts.balance + m.change
      from fence, unnest(
        ${moved.map(({ number }) => number)}::bigint[], ${moved.map(({ change }) => change)}::numeric[]
      ) as m(number, change)
      where accounts.number = m.number
    ),
    begun as (
      insert into ledger.holds (id, source, held, amount, expires_at)
      select h.id, h.source, h.held, h.amount, h.expires_at
      from fence, unnest(
        ${begun.map(({ id }) => id)}::uuid[], ${begun.map(({ source }) => source)}::bigint[],
        ${begun.map(({ held }) => held)}::bigint[], ${begun.map(({ amount }) => amount)}::numeric[],
        ${begun.map(({ expiresAt }) => expiresAt)}::timestamptz[]
      ) as h(id, source, held, amount, expires_at)
    ),
    ended as (
      delete from ledger.holds
      using fence
      where id = any(${ended}::uuid[])
    )
    select term from fence`);
  if (written.length === 0) {
    throw new OpenLedgerError('unavailable', 'Another writer has taken over the ledger.', { term });
  }
  return { number: batch.number, hash: batch.hash, account: state.account };
}

function seal({
  term,
  head,
  transactions,
}: {
  readonly term: number;
  readonly head: Head;
  readonly transactions: readonly Transaction[];
}): Batch {
  const content = {
    term,
    firstSequence: transactions[0].sequence,
    previous: head.hash,
    root: rootOf(transactions),
  };
  const hash = batchHash(content);
  return { ...content, number: head.number + 1, count: transactions.length, hash };
}

/** One array a column; a row's own arrays travel as text, because PostgreSQL's arrays of arrays are rectangles. */
function transactionColumns(state: State, transactions: readonly Transaction[]) {
  const column = <T>(of: (transaction: Transaction) => T) => transactions.map(of);
  const numbers = (side: 'from' | 'to') =>
    column(
      ({ postings }) =>
        `{${postings.map((posting) => accountOf(state, bookOf(posting[side], posting.asset)).number)}}`,
    );
  return sql`unnest(
    ${column(({ sequence }) => sequence)}::bigint[],
    ${column(({ transactionId }) => uuid(transactionId))}::uuid[],
    ${column(({ at }) => at.toISOString())}::timestamptz[],
    ${column(({ effectiveAt }) => effectiveAt?.toISOString() ?? null)}::timestamptz[],
    ${column(({ expiresAt }) => expiresAt?.toISOString() ?? null)}::timestamptz[],
    ${column(({ holdId }) => (holdId ? uuid(holdId) : null))}::uuid[],
    ${column(({ reverses }) => (reverses ? uuid(reverses) : null))}::uuid[],
    ${column(({ kind }) => kind)}::text[],
    ${column(({ idempotencyKey }) => idempotencyKey)}::text[],
    ${column(({ payload }) => `\\x${payload}`)}::bytea[],
    ${column(({ reason }) => reason)}::text[],
    ${column(({ reference }) => reference ?? null)}::text[],
    ${numbers('from')}::text[],
    ${numbers('to')}::text[],
    ${column(({ postings }) => `{${postings.map(({ amount }) => amount)}}`)}::text[]
  )`;
}

/** Accounts that the batch opens, with their first balance, and the net change of the others. */
function accountChanges(
  state: State,
  {
    before,
    transactions,
  }: { readonly before: number; readonly transactions: readonly Transaction[] },
) {
  const opened: Account[] = [];
  const moved: { number: number; change: bigint }[] = [];
  for (const [book, change] of changesOf(transactions.flatMap(({ postings }) => postings))) {
    const account = accountOf(state, book);
    if (account.number > before) opened.push(account);
    else if (change !== 0n) moved.push({ number: account.number, change });
  }
  return { opened, moved };
}

/** Holds that outlive the batch they begin in, and ended holds of earlier batches. */
function holdChanges(state: State, transactions: readonly Transaction[]) {
  const of = (kinds: readonly Transaction['kind'][]) =>
    transactions.filter(({ kind }) => kinds.includes(kind)).map(({ holdId }) => holdId!);
  const began = of(['hold']);
  const ended = new Set(of(['capture', 'release', 'expire']));
  const begun = began
    .filter((holdId) => !ended.has(holdId))
    .map((holdId) => {
      const { source, held, asset, amount, expiresAt } = state.holds.get(holdId)!;
      return {
        id: uuid(holdId),
        source: accountOf(state, bookOf(source, asset)).number,
        held: accountOf(state, bookOf(held, asset)).number,
        amount,
        expiresAt: expiresAt.toISOString(),
      };
    });
  return { begun, ended: [...ended].filter((holdId) => !began.includes(holdId)).map(uuid) };
}

function accountOf(state: State, book: string): Account {
  const account = state.accounts.get(book);
  if (!account) throw new Error(`${book} was posted to and is not in the state.`);
  return account;
}

/** `txn_0192...` -> `0192...`, which PostgreSQL reads as a uuid. */
export const uuid = (id: string): string => id.slice(id.indexOf('_') + 1);

const bytea = (bytes: Uint8Array): string => `\\x${toHex(bytes)}`;
