/** Tells the ledger of a tentative correction, and keeps it or forgets it by the answer. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import {
  type BatchRow,
  batchColumns,
  bookControl,
  controlChange,
  markPosted,
  parseMoves,
  partsOf,
  postPart,
} from './batches.ts';
import { type Correction, findTentative, forgetCorrection } from './corrections.ts';
import { owedBy, writeChange } from './credits.ts';
import { correctionChange, dataPartOf } from './plan-correction.ts';
import { insertReceivables, writeRepayments } from './receivables.ts';
import { findRouting, type Routing } from './routings.ts';
import type { FeesHandles } from './stage.ts';
import { tryLock } from './try-lock.ts';

/**
 * Repeatable, by anybody: nobody plans meanwhile, so that the change is computed again as it was when it was planned. The
 * lock is held while the ledger answers; otherwise one could forget what another is just being told was taken.
 */
export async function finishCorrection(handles: FeesHandles): Promise<void> {
  if (!(await findTentative(handles.db))) return;
  await handles.db.transaction(async (tx) => {
    if (!(await tryLock(tx))) return;
    const correction = await findTentative(tx);
    if (!correction) return;
    const [batch] = await tx.query<BatchRow>(sql`
      select ${batchColumns} from fees.batches where id = ${correction.batchId}`);
    if (await isTaken(handles, batch)) await apply(tx, handles, correction, batch);
    else await forgetCorrection(tx, correction.batchId);
  });
}

/**
 * Only the first of a batch's transactions can be refused, and a refusal leaves nothing behind. The others move what this
 * stage alone can move: one that is refused is a mistake to look at, not to forget.
 */
async function isTaken(handles: FeesHandles, batch: BatchRow): Promise<boolean> {
  const [first, ...others] = partsOf(batch);
  try {
    if (first !== undefined) await postPart(handles, batch, first);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    handles.log.warn('fees.correction_refused', { batch: batch.id, error });
    return false;
  }
  for (const at of others) await postPart(handles, batch, at);
  return true;
}

/** The ledger has judged it. Whatever else went wrong, it may have been taken. */
const isRefusal = (error: unknown): boolean =>
  error instanceof OpenLedgerError &&
  ['insufficient_funds', 'unprocessable', 'invalid_input'].includes(error.code);

async function apply(
  tx: Tx,
  handles: FeesHandles,
  correction: Correction,
  batch: BatchRow,
): Promise<void> {
  const routing = await findRouting(tx, correction.saleId);
  const change = await correctionChange(tx, handles, routing, correction);
  await writeChange(tx, change);
  await writeRepayments(tx, correction.repayments);
  await insertReceivables(tx, correction.advances, correction);
  if (correction.kind === 'refund') await refundRouting(tx, routing, correction.parts);
  else await reallocateRouting(tx, correction);
  await bookControl(tx, {
    units: controlChange(parseMoves(batch.postings)),
    subUnits: owedBy(change),
  });
  await markPosted(tx, batch.id, handles.clock.now());
  await tx.query(sql`
    update fees.corrections set is_applied = true where batch_id = ${batch.id}`);
}

async function refundRouting(
  tx: Tx,
  { saleId, legs, remaining }: Routing,
  parts: readonly bigint[],
): Promise<void> {
  const refunded = legs.map(({ amount }, i) => amount - remaining[i] + parts[i]);
  const sum = (amounts: readonly bigint[]) => amounts.reduce((total, each) => total + each, 0n);
  await tx.query(sql`
    update fees.routings
    set refunded = ${refunded}, refunded_units = ${sum(refunded)},
        refunded_data = ${dataPartOf({ legs }, refunded)}
    where sale_id = ${saleId}`);
}

async function reallocateRouting(
  tx: Tx,
  { saleId, name, shares }: Extract<Correction, { kind: 'reallocation' }>,
): Promise<void> {
  await tx.query(sql`
    with vector as (
      insert into fees.vectors (sale_id, reallocation_id, share_to, share_weights)
      values (
        ${saleId}, ${name}, ${shares.map(({ to }) => to)}, ${shares.map(({ weight }) => weight)}
      )
      returning id
    )
    update fees.routings set vector_id = vector.id
    from vector
    where routings.sale_id = ${saleId}`);
}
