import { type Id, OPEN } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { accountKey } from './account.ts';
import { idOf } from './read-transactions.ts';
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
    recent as (
      select t.sequence,
             (select coalesce(sum(g.amount), 0) from unnest(t.tos, t.amounts) as g(account, amount) where g.account = number)
           - (select coalesce(sum(f.amount), 0) from unnest(t.froms, t.amounts) as f(account, amount) where f.account = number)
               as amount
      from book, ledger.transactions t
      where t.sequence > (select sequence from ledger.follower)
        and (number = any(t.froms) or number = any(t.tos))
    ),
    history as (
      select recent.sequence,
             recent.amount,
             sum(recent.amount) over (order by recent.sequence) + coalesce((
               select e.balance
               from ledger.entries e
               where e.account = (select number from book)
               order by e.sequence desc
               limit 1
             ), 0) as balance
      from recent
      union all
      (
        select e.sequence, e.amount, e.balance
        from ledger.entries e
        where e.account = (select number from book) and e.sequence < ${before}
        order by e.sequence desc
        limit ${limit}
      )
    )
    select h.sequence, h.amount, h.balance, t.id, t.kind, t.at, t.effective_at, t.reason, t.reference
    from history h
    join ledger.transactions t using (sequence)
    where h.sequence < ${before}
    order by h.sequence desc
    limit ${limit}`);
  return rows.map((row) => ({
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
