/** The follower: sums the share vectors that came in, and credits what whole units came together. */
import { addProducts } from '@openledger/protocol';
import { sleep } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { bookControl, controlChange, postBatches, recordBatch } from './batches.ts';
import { owedBy, planChange, planPayments, writeChange } from './credits.ts';
import { finishCorrection } from './finish-correction.ts';
import { netReceivables } from './net-receivables.ts';
import { planAlone } from './plan-alone.ts';
import { writeRepayments } from './receivables.ts';
import { sharesFromRow } from './routings.ts';
import type { FeesHandles } from './stage.ts';

/** Credits everything that is routed and not yet credited. @returns how many inferences that was */
export async function rollUp(handles: FeesHandles): Promise<number> {
  let total = 0;
  while (await hasUncredited(handles)) {
    total += await planAlone(handles, (tx) => planRollUp(tx, handles));
  }
  await postBatches(handles); // what a crash may have left, as well
  await finishCorrection(handles);
  if (total > 0) await netReceivables(handles);
  return total;
}

/** After a failure the follower waits this many times longer. */
const PATIENCE = 10;

/** Rolls up again and again until the signal aborts. A failure is logged and tried again. */
export async function followRoutings(
  handles: FeesHandles,
  { intervalMs, signal }: { readonly intervalMs: number; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    try {
      await rollUp(handles);
      await sleep(intervalMs, signal);
    } catch (error) {
      handles.log.error('fees.roll_up_failed', { error });
      await sleep(intervalMs * PATIENCE, signal);
    }
  }
}

async function hasUncredited({ db }: FeesHandles): Promise<boolean> {
  const rows = await db.query(sql`
    select sequence from fees.routings where is_posted and batch_id is null limit 1`);
  return rows.length > 0;
}

const VECTORS_AT_ONCE = 2000;

type Vector = {
  sequence: string;
  epoch: number;
  data_units: string;
  share_to: string;
  share_weights: string;
};

/** Records one batch for the oldest epoch that has something to credit. */
async function planRollUp(tx: Tx, { clock }: FeesHandles): Promise<number> {
  // Joined and split as text: a driver's array parser takes ten times as long.
  const rows = await tx.query<Vector>(sql`
    select sequence, epoch, data_units,
           array_to_string(share_to, ' ') as share_to, array_to_string(share_weights, ' ') as share_weights
    from fees.routings
    join fees.vectors on vectors.id = vector_id
    where is_posted and batch_id is null and epoch = (
      select min(epoch) from fees.routings where is_posted and batch_id is null
    )
    order by sequence
    limit ${VECTORS_AT_ONCE}`);
  if (rows.length === 0) return 0;

  const [{ epoch }] = rows;
  const sums = new Map<string, bigint>();
  let units = 0n;
  for (const { data_units, share_to, share_weights } of rows) {
    if (share_to === '') continue; // no registered data, no data leg
    addProducts(
      sums,
      BigInt(data_units),
      sharesFromRow(share_to.split(' '), share_weights.split(' ')),
    );
    units += BigInt(data_units);
  }
  const change = await planChange(tx, sums, epoch);
  const { moves, repayments } = await planPayments(tx, change);
  await writeChange(tx, change);
  await writeRepayments(tx, repayments);
  await bookControl(tx, { units: units + controlChange(moves), subUnits: owedBy(change) });
  const batch = { epoch, reason: 'fees.credited', moves, recordedAt: clock.now() } as const;
  const batchId = await recordBatch(tx, batch);
  await tx.query(sql`
    update fees.routings set batch_id = ${batchId}
    where sequence = any(${rows.map((row) => row.sequence)}::bigint[])`);
  return rows.length;
}
