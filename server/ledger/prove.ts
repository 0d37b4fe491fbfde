/** From transactions to the batches that hold them, and from the batches to the period that was sealed. */
import {
  type Id,
  type ProvenBatch,
  type ProvenTransaction,
  type TransactionProof,
  toHex,
} from '@openledger/protocol';
import type { Db, Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { type Levels, levelsOf, pathIn } from './merkle-levels.ts';
import { batchLevels, findPeriodOf, type Period } from './periods.ts';
import { type BatchRow, readTransactions, uuid } from './read-transactions.ts';
import { encodeTransaction, type Transaction } from './transaction.ts';

/** @returns undefined when there is no such transaction */
export async function proveTransaction(
  db: Db,
  transactionId: Id<'transaction'>,
): Promise<TransactionProof | undefined> {
  return db.transaction(async (tx) => {
    await tx.query(sql`set transaction isolation level repeatable read, read only`);
    const found = await readTransactions(tx, sql`t.id = ${uuid(transactionId)}::uuid`);
    if (found.length === 0) return undefined;
    const period = await findPeriodOf(tx, found[0].sequence);
    const { transactions, batches } = await proveTransactions(tx, found, period);
    return { transaction: transactions[0], batch: batches[0], seal: period?.seal ?? null };
  });
}

const PAGE_BATCHES = 200;

/** @param transactions by sequence @param period the sealed one that all of them are of; undefined proves the batches to nothing */
export async function proveTransactions(
  reader: Reader,
  transactions: readonly Transaction[],
  period: Period | undefined,
): Promise<{ transactions: ProvenTransaction[]; batches: ProvenBatch[] }> {
  const rows = await readBatchesOf(reader, transactions);
  const sealed: Levels | undefined =
    period && rows.length > 0 ? await batchLevels(reader, period) : undefined;
  const batches = rows.map((row) => ({
    number: Number(row.number),
    term: Number(row.term),
    firstSequence: Number(row.first_sequence),
    previous: toHex(row.previous),
    root: toHex(row.root),
    hash: toHex(row.hash),
    proof:
      sealed && period ? pathIn(sealed, Number(row.number) - period.firstBatch).map(toHex) : null,
  }));
  const proven: ProvenTransaction[] = [];
  let next = 0;
  for (let at = 0; at < rows.length; at += PAGE_BATCHES) {
    const page = rows.slice(at, at + PAGE_BATCHES);
    const leaves = await readLeaves(reader, page);
    for (const row of page) {
      const first = Number(row.first_sequence);
      const levels = levelsOf(leaves(row));
      for (; next < transactions.length; next++) {
        const index = transactions[next].sequence - first;
        if (index >= row.count) break;
        proven.push({
          leaf: encodeTransaction(transactions[next]),
          batch: Number(row.number),
          index,
          size: row.count,
          proof: pathIn(levels, index).map(toHex),
        });
      }
    }
  }
  return { transactions: proven, batches };
}

async function readBatchesOf(
  reader: Reader,
  transactions: readonly Transaction[],
): Promise<readonly BatchRow[]> {
  const sequences = transactions.map(({ sequence }) => sequence);
  return reader.query<BatchRow>(sql`
    select distinct b.number, b.term, b.first_sequence, b.count, b.previous, b.root, b.hash
    from unnest(${sequences}::bigint[]) as wanted(sequence)
    cross join lateral (
      select *
      from ledger.batches
      where first_sequence <= wanted.sequence
      order by first_sequence desc
      limit 1
    ) b
    order by b.number`);
}

/** The texts of all transactions of some batches: the neighbours' hashes make up the proofs. */
async function readLeaves(
  reader: Reader,
  batches: readonly BatchRow[],
): Promise<(batch: BatchRow) => readonly string[]> {
  const firsts = batches.map((batch) => batch.first_sequence);
  const counts = batches.map(({ count }) => count);
  const all = await readTransactions(
    reader,
    sql`t.sequence in (
      select generate_series(b.first, b.first + b.count - 1)
      from unnest(${firsts}::bigint[], ${counts}::bigint[]) as b(first, count)
    )`,
  );
  const texts = new Map(all.map((one) => [one.sequence, encodeTransaction(one)]));
  return ({ first_sequence, count }) =>
    Array.from({ length: count }, (_, i) => texts.get(Number(first_sequence) + i) ?? '');
}
