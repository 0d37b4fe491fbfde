/** Hands epochs over to settlement: folds their pools, and takes from their pending accounts no more. */
import type { Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { bookControl, controlChange, postBatches, recordBatch } from './batches.ts';
import { closeEpoch } from './close-epoch.ts';
import { owedBy, planFoldedChange, planPayments, writeChange } from './credits.ts';
import { netReceivables } from './net-receivables.ts';
import { planAlone } from './plan-alone.ts';
import { writeRepayments } from './receivables.ts';
import type { FeesHandles } from './stage.ts';

/**
 * Matures every closed epoch up to this one. When it returns, whatever those epochs credited stands in their pending accounts,
 * and a later refund is a clawback. Repeatable after a crash.
 */
export async function matureEpochs(handles: FeesHandles, through: number): Promise<void> {
  const epochs = await handles.db.query<{ number: number }>(sql`
    select number
    from fees.epochs
    where number <= ${through} and closed_at is not null and matured_at is null
    order by number`);
  for (const { number } of epochs) {
    await closeEpoch(handles, number); // a crash may have cut it off
    await netReceivables(handles);
    await planAlone(handles, (tx) => matureEpoch(tx, handles, number));
  }
  await postBatches(handles);
}

async function matureEpoch(tx: Tx, handles: FeesHandles, epoch: number): Promise<void> {
  const marked = await tx.query(sql`
    update fees.epochs set matured_at = ${handles.clock.now()}
    where number = ${epoch} and matured_at is null
    returning number`);
  if (marked.length === 0) return;
  const inflows = await foldedInflows(tx, epoch);
  if (inflows.size === 0) return;
  const change = await planFoldedChange(tx, handles, inflows, epoch);
  const { moves, repayments } = await planPayments(tx, change);
  await writeChange(tx, change);
  await writeRepayments(tx, repayments);
  let subUnits = owedBy(change); // a fold passes on what control holds for the pool already
  for (const inflow of inflows.values()) subUnits -= inflow;
  await bookControl(tx, { units: controlChange(moves), subUnits });
  await recordBatch(tx, {
    epoch,
    reason: 'fees.folded',
    moves,
    recordedAt: handles.clock.now(),
  });
}

/** What pools took in during the epoch, marked as passed on. */
async function foldedInflows(tx: Tx, epoch: number): Promise<ReadonlyMap<string, bigint>> {
  const rows = await tx.query<{ pool: string; sub_units: string }>(sql`
    update fees.pool_epochs set is_folded = true
    where epoch = ${epoch} and not is_folded
    returning pool, sub_units`);
  return new Map(
    rows
      .map(({ pool, sub_units }) => [pool, BigInt(sub_units)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
