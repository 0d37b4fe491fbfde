/** The whole log, page by page. */
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { readTransactions } from './read-transactions.ts';
import type { Transaction } from './transaction.ts';

export type JournalPage = {
  readonly transactions: readonly Transaction[];
  /** The sequence to go on after; undefined at the end of the log. */
  readonly next: number | undefined;
};

/** @param after the `next` of the page before */
export async function journal(
  reader: Reader,
  { limit, after = 0 }: { readonly limit: number; readonly after?: number },
): Promise<JournalPage> {
  const transactions = await readTransactions(
    reader,
    sql`t.sequence > ${after} and t.sequence <= ${after + limit}`,
  );
  const last = transactions.at(-1)?.sequence;
  return { transactions, next: transactions.length < limit ? undefined : last };
}
