import { type Id, OPEN } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { accountKey } from './account.ts';
import { idOf, touches } from './read-transactions.ts';
import type { Transaction } from './transaction.ts';

export type Entry = {
  readonly sequence: number;
  readonly transactionId: Id<'transaction'>;
  readonly kind: Transaction['kind'];
  readonly at: Date;
  readonly effectiveAt?: Date;
  readonly reason: string;
  readonly reference?: string;
  /** What the transaction changed, negative when the account paid. */
  readonly amount: bigint;
  /** Where the account stood after it. */
  readonly balance: bigint;
};

/**
 * An account's history, newest first, complete up to the last durable batch: what the follower has not reached yet is
 * read from the log itself, in the same statement.
 *
 * @param after the sequence of the last entry of the page before
 */
export async function statement(
  reader: Reader,
  {
    account,
    asset = OPEN,
    limit = 50,
    after,
  }: {
    readonly account: string;
    readonly asset?: string;
    readonly limit?: number;
    readonly after?: number;
  },
): Promise<readonly Entry[]> {
  const book = accountKey(account, asset);
  const before = after ?? Number.MAX_SAFE_INTEGER;
  const rows = await reader.query<Row>(sql`
    with book as (
      select number
      from ledger.accounts
      where name = ${book.account} and asset = ${book.asset}
    ),
    chunks as (
      select e.first_sequence,
             e.closing,
             e.offsets,
             row_number() over newest as place,
             sum(cardinality(e.offsets)) over newest - cardinality(e.offsets) as newer
      from book, ledger.entries e
      where e.account = book.number and e.first_sequence < ${before}::bigint
      window newest as (order by e.first_sequence desc)
      order by e.first_sequence desc
      limit ${limit}::integer + 1
    ),
    touched as (
      select c.first_sequence as chunk, c.closing, c.first_sequence + o.place as sequence
      from chunks c, unnest(c.offsets) as o(place)
      -- The newest chunk may lie behind the page in part; of the others, as many as fill it.
      where c.newer - (select cardinality(offsets) from chunks where place = 1) < ${limit}::integer
      union all
      select 0, null, t.sequence
      from book, ledger.transactions t
      where t.sequence > (select sequence from ledger.follower)
        and ${touches(sql`book.number`)}
    ),
    changes as (
      select touched.chunk,
             touched.closing,
             t.sequence, t.id, t.kind, t.at, t.effective_at, t.reason, t.reference,
             (select sum(side.amount) from ledger.sides(t.legs) side
              where side.account = (select number from book)) as amount
      from touched
      join ledger.transactions t using (sequence)
    ),
    last as (
      select closing
      from ledger.entries
      where account = (select number from book)
      order by first_sequence desc
      limit 1
    )
    select sequence, id, kind, at, effective_at, reason, reference, amount,
           case chunk
             when 0 then coalesce((select closing from last), 0) + sum(amount) over (partition by chunk order by sequence)
             else closing - sum(amount) over (partition by chunk order by sequence desc) + amount
           end as balance
    from changes
    order by sequence desc`);
  return rows
    .filter(({ sequence }) => Number(sequence) < before)
    .slice(0, limit)
    .map((row) => ({
      sequence: Number(row.sequence),
      transactionId: idOf('txn', row.id),
      kind: row.kind as Transaction['kind'],
      at: row.at,
      effectiveAt: row.effective_at ?? undefined,
      reason: row.reason,
      reference: row.reference ?? undefined,
      amount: BigInt(row.amount),
      balance: BigInt(row.balance),
    }));
}

type Row = {
  readonly sequence: string;
  readonly amount: string;
  readonly balance: string;
  readonly id: string;
  readonly kind: string;
  readonly at: Date;
  readonly effective_at: Date | null;
  readonly reason: string;
  readonly reference: string | null;
};
