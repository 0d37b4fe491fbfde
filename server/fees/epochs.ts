/** The epoch into which credits fall: one is open, and closing it waits for everything that was stamped with it. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Reader, Tx } from '../platform/db.ts';
import { prepared, sql } from '../platform/sql.ts';

export async function openEpoch(on: Reader): Promise<number> {
  const [{ number }] = await on.query<{ number: number }>(
    prepared(
      'fees.open-epoch',
      sql`
    select number from fees.epochs where closed_at is null`,
    ),
  );
  return number;
}

/** The open epoch, which stays open until this transaction has ended. */
export async function stampEpoch(tx: Tx): Promise<number> {
  await tx.query(sql`select pg_advisory_xact_lock_shared(7300202)`);
  return openEpoch(tx);
}

/**
 * Ends an epoch and opens the next. Ending one that has ended changes nothing.
 *
 * @throws conflict when the epoch has not begun
 */
export async function endEpoch(tx: Tx, epoch: number, closedAt: Date): Promise<void> {
  await tx.query(sql`select pg_advisory_xact_lock(7300202)`);
  const open = await openEpoch(tx);
  if (epoch > open) {
    throw new OpenLedgerError('conflict', `Epoch ${epoch} has not begun; ${open} is open.`);
  }
  if (epoch < open) return;
  await tx.query(sql`update fees.epochs set closed_at = ${closedAt} where number = ${epoch}`);
  await tx.query(sql`insert into fees.epochs (number) values (${epoch + 1})`);
}

/** The epochs that have not matured: from after the last that has, to the open one. */
export type Unmatured = { readonly after: number; readonly open: number };

export async function unmatured(on: Reader): Promise<Unmatured> {
  const [row] = await on.query<Unmatured>(sql`
    select coalesce(max(number) filter (where matured_at is not null), 0) as after,
           max(number) filter (where closed_at is null) as open
    from fees.epochs`);
  return row;
}
