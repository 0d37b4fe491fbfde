/** The last step of a served call: its price leaves the hold for `clearing:fees`, the rest goes back to the payer. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Ledger } from '../ledger/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { holdIdOf } from './hold.ts';

type CaptureHandles = { readonly db: Db; readonly ledger: Ledger; readonly clock: Clock };

type Row = { status: string; held_units: string; price_units: string; captured_at: Date | null };

/**
 * Moves exactly the recorded price, however often it is asked to.
 *
 * @throws not_found; unprocessable when the call was not served
 */
export async function capture(
  { db, ledger, clock }: CaptureHandles,
  inferenceId: string,
): Promise<void> {
  const [row] = await db.query<Row>(sql`
    select status, held_units, price_units, captured_at
    from gateway.inferences
    where id = ${inferenceId}`);
  if (!row) throw new OpenLedgerError('not_found', `No inference ${inferenceId}.`);
  if (row.status !== 'served') {
    throw new OpenLedgerError('unprocessable', `${inferenceId} was not served.`);
  }
  if (row.captured_at) return;
  const end = {
    holdId: holdIdOf(inferenceId),
    reason: 'inference.served',
    reference: inferenceId,
  };
  const amount = BigInt(row.price_units);
  if (amount > 0n) await ledger.capture({ ...end, postings: [{ to: 'clearing:fees', amount }] });
  else if (BigInt(row.held_units) > 0n) await ledger.release(end);
  await db.transaction((tx) =>
    tx.query(sql`
      update gateway.inferences
      set captured_at = ${clock.now()}
      where id = ${inferenceId}`),
  );
}

/** Served calls that nobody has captured yet. */
export async function findUncaptured(db: Db, before: Date): Promise<readonly string[]> {
  const rows = await db.query<{ id: string }>(sql`
    select id
    from gateway.inferences
    where status = 'served' and captured_at is null and created_at < ${before}
    order by created_at`);
  return rows.map(({ id }) => id);
}
