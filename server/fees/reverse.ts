/** Takes a routed price back, whole: the same products, subtracted, and every leg the other way. */
import { OpenLedgerError, shareProducts } from '@openledger/protocol';
import type { Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { type Move, postBatches, recordBatch } from './batches.ts';
import { creditSubUnits } from './credits.ts';
import { stampEpoch } from './epochs.ts';
import { rollUp } from './roll-up.ts';
import { findRouting, type Routing } from './routings.ts';
import { CLEARING, type FeesHandles, lockEntitlements } from './stage.ts';

/**
 * Returns an inference's price to `clearing:fees`, from where its payer is refunded. Reversing twice changes nothing.
 *
 * Only while the epoch of the credits is open: what was credited in it is then still in `pending`, so nobody can come
 * up short. Later claims need somebody to advance the money and are not this stage's to decide.
 *
 * @throws not_found when the fees were never routed; conflict when their epoch has closed
 */
export async function reverseFees(handles: FeesHandles, inferenceId: string): Promise<void> {
  await rollUp(handles); // so that what is taken back has been given
  await handles.db.transaction(async (tx) => {
    const epoch = await stampEpoch(tx);
    await lockEntitlements(tx);
    const routing = await findRouting(tx, inferenceId);
    if (routing.isReversed) return;
    assertReversible(routing, epoch);
    await recordReversal(tx, routing);
  });
  await postBatches(handles);
}

async function recordReversal(tx: Tx, { inferenceId, epoch, ...routing }: Routing): Promise<void> {
  const clawbacks: readonly Move[] =
    routing.shares.length > 0
      ? await creditSubUnits(tx, shareProducts(-routing.dataUnits, routing.shares), epoch)
      : [];
  const refunds = routing.legs.map(({ account, amount }) => ({
    from: account,
    to: CLEARING,
    amount,
  }));
  const batchId = await recordBatch(tx, {
    epoch,
    reason: 'fees.reversed',
    moves: [...clawbacks, ...refunds], // the control account is filled before it pays back
  });
  await tx.query(sql`
    update fees.routings set reversal_id = ${batchId} where inference_id = ${inferenceId}`);
}

function assertReversible(
  { inferenceId, epoch, isPosted, creditedAt }: Routing,
  open: number,
): void {
  if (epoch !== open) {
    throw new OpenLedgerError('conflict', `The fees of ${inferenceId} have matured.`, {
      epoch,
      open,
    });
  }
  if (!isPosted || !creditedAt) {
    throw new OpenLedgerError('conflict', `The fees of ${inferenceId} are still being routed.`);
  }
}
