/** The last step of a served call: its price goes to `clearing:fees`, the rest back to the payer. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import { prepared, sql } from '../platform/sql.ts';
import { recordLost } from './inferences.ts';
import type { Money } from './money.ts';

type CaptureHandles = { readonly db: Db; readonly money: Money; readonly clock: Clock };

type Row = { status: string; held_units: string; price_units: string; captured_at: Date | null };

/**
 * Moves exactly the recorded price, however often it is asked to. A call whose money is lost for good is void: nobody can
 * be paid out of it, and the loss is the gateway's.
 *
 * @throws not_found; unprocessable when the call was not served, or is void now
 */
export async function capture(
  { db, money, clock }: CaptureHandles,
  inferenceId: Id<'inference'>,
): Promise<void> {
  const [row] = await db.query<Row>(
    prepared(
      'gateway.find-price',
      sql`
    select status, held_units, price_units, captured_at
    from gateway.inferences
    where id = ${inferenceId}`,
    ),
  );
  if (!row) throw new OpenLedgerError('not_found', `No inference ${inferenceId}.`);
  if (row.status !== 'served') {
    throw new OpenLedgerError('unprocessable', `${inferenceId} was not served.`);
  }
  if (row.captured_at) return;
  const isPaid = await money.settle({
    inferenceId,
    heldUnits: BigInt(row.held_units),
    priceUnits: BigInt(row.price_units),
  });
  if (!isPaid) {
    await db.transaction((tx) => recordLost(tx, inferenceId));
    throw new OpenLedgerError('unprocessable', `The lease of ${inferenceId} is over: it is void.`);
  }
  const captured = sql`
    update gateway.inferences
    set captured_at = ${clock.now()}
    where id = ${inferenceId}`;
  await db.write(prepared('gateway.mark-captured', captured));
}

/** Served calls that nobody has captured yet. */
export async function findUncaptured(db: Db, before: Date): Promise<readonly Id<'inference'>[]> {
  const rows = await db.query<{ id: Id<'inference'> }>(sql`
    select id
    from gateway.inferences
    where status = 'served' and captured_at is null and created_at < ${before}
    order by created_at`);
  return rows.map(({ id }) => id);
}
