/** What was effective in a period and posted after its end: it stands in the period that was open then. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { findPeriod } from './periods.ts';
import { idOf } from './read-transactions.ts';

export type LateEvent = {
  readonly sequence: number;
  readonly transactionId: Id<'transaction'>;
  readonly at: Date;
  readonly effectiveAt: Date;
  readonly reason: string;
  readonly reference?: string;
};

/**
 * A period lasts from the end of the one before, exclusive, to its own, inclusive.
 *
 * @param after the sequence of the last one of the page before
 * @throws not_found when the period is still open
 */
export async function lateEvents(
  reader: Reader,
  {
    period,
    limit = 50,
    after = 0,
  }: { readonly period: number; readonly limit?: number; readonly after?: number },
): Promise<readonly LateEvent[]> {
  const found = await findPeriod(reader, period);
  if (!found) throw new OpenLedgerError('not_found', `Period ${period} has not ended.`, { period });
  const before = await findPeriod(reader, period - 1);
  type Row = {
    sequence: string;
    id: string;
    at: Date;
    effective_at: Date;
    reason: string;
    reference: string | null;
  };
  const rows = await reader.query<Row>(sql`
    select sequence, id, at, effective_at, reason, reference
    from ledger.transactions
    where effective_at > coalesce(${before?.closedAt.toISOString() ?? null}::timestamptz, '-infinity')
      and effective_at <= ${found.closedAt.toISOString()}
      and sequence > ${Math.max(after, found.lastSequence)}
    order by sequence
    limit ${limit}`);
  return rows.map((row) => ({
    sequence: Number(row.sequence),
    transactionId: idOf('txn', row.id),
    at: row.at,
    effectiveAt: row.effective_at,
    reason: row.reason,
    reference: row.reference ?? undefined,
  }));
}
