/**
 * Replays the whole log from the database and compares: what does not follow from it is named, first difference first.
 *
 * It believes nothing but the log's own bytes, shares with the writer only encoding and netting, and reads one snapshot, so
 * it may run in any process while another writes. What it cannot see is a log rewritten from some point to its end, head
 * included; anchored hashes (`head` of the report) are for that.
 */
import { toHex } from '@openledger/protocol';
import type { Db } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import {
  compareAccounts,
  compareEntries,
  compareHead,
  compareHolds,
  comparePeriods,
} from './compare.ts';
import { type AuditReport, Difference } from './difference.ts';
import { replay } from './replay.ts';

export async function audit(db: Db): Promise<AuditReport> {
  return db.transaction(async (tx) => {
    await tx.query(sql`set transaction isolation level repeatable read, read only`);
    try {
      const replayed = await replay(tx);
      comparePeriods(replayed);
      await compareHead(tx, replayed);
      await compareAccounts(tx, replayed);
      await compareHolds(tx, replayed);
      compareEntries(replayed);
      return {
        ok: true,
        batches: replayed.batch,
        transactions: replayed.sequence,
        postings: replayed.postings,
        accounts: replayed.books.size,
        head: toHex(replayed.hash),
      };
    } catch (found) {
      if (found instanceof Difference) return found.report;
      throw found;
    }
  });
}
