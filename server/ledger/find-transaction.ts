import type { Id } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { prepared, sql } from '../platform/sql.ts';
import { idOf, readTransactions, uuid } from './read-transactions.ts';
import type { Transaction } from './transaction.ts';

/** A transaction, the batch whose hash covers it, and what has reversed it since. */
export type RecordedTransaction = Transaction & {
  readonly batch: number;
  readonly reversedBy: readonly Id<'transaction'>[];
};

export async function findTransaction(
  reader: Reader,
  transactionId: Id<'transaction'>,
): Promise<RecordedTransaction | undefined> {
  const id = uuid(transactionId);
  const [transaction] = await readTransactions(reader, sql`t.id = ${id}::uuid`);
  if (!transaction) return undefined;
  const [batch] = await reader.query<{ number: string }>(
    prepared(
      'ledger.batch-of',
      sql`
    select number
    from ledger.batches
    where first_sequence <= ${transaction.sequence}
    order by first_sequence desc
    limit 1`,
    ),
  );
  const reversals = await reader.query<{ id: string }>(
    prepared(
      'ledger.reversals-of',
      sql`
    select id
    from ledger.transactions
    where reverses = ${id}::uuid
    order by sequence`,
    ),
  );
  return {
    ...transaction,
    batch: Number(batch.number),
    reversedBy: reversals.map((row) => idOf('txn', row.id)),
  };
}
