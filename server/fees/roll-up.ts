/** The follower: sums the share vectors that came in, and credits what whole units came together. */
import type { SubUnits } from '@openledger/protocol';
import { sleep } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { prepared, sql } from '../platform/sql.ts';
import { bookControl, controlChange, postBatches, recordBatch } from './batches.ts';
import { owedBy, planChange, planPayments, writeChange } from './credits.ts';
import { finishCorrection } from './finish-correction.ts';
import { netReceivablesOf } from './net-receivables.ts';
import { planAlone } from './plan-alone.ts';
import { writeRepayments } from './receivables.ts';
import type { FeesHandles } from './stage.ts';

/** Credits everything that is routed and not yet credited. @returns how many sales that was */
export async function rollUp(handles: FeesHandles): Promise<number> {
  let total = 0;
  const earners = new Set<string>();
  while (await hasUncredited(handles)) {
    const due = await planAlone(handles, (tx) => planRollUp(tx, handles));
    total += due.length;
    for (const row of due) for (const party of row.earners) earners.add(party);
  }
  await postBatches(handles); // what a crash may have left, as well
  await finishCorrection(handles);
  if (earners.size > 0) await netReceivablesOf(handles, [...earners]);
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
  const rows = await db.query(
    prepared(
      'fees.next-to-roll-up',
      sql`
    select sequence from fees.routings where is_posted and batch_id is null limit 1`,
    ),
  );
  return rows.length > 0;
}

const VECTORS_AT_ONCE = 5000;

type Due = {
  sequence: string;
  epoch: number;
  data_units: string;
  has_data: boolean;
  earners: string[];
};

/** Records one batch for the oldest epoch that has something to credit. @returns what it credited */
async function planRollUp(tx: Tx, { clock }: FeesHandles): Promise<readonly Due[]> {
  const due = await tx.query<Due>(sql`
    select sequence, epoch, data_units, cardinality(share_to) > 0 as has_data, earners
    from fees.routings
    join fees.vectors on vectors.id = vector_id
    where is_posted and batch_id is null and epoch = (
      select min(epoch) from fees.routings where is_posted and batch_id is null
    )
    order by sequence
    limit ${VECTORS_AT_ONCE}`);
  if (due.length === 0) return due;

  const [{ epoch }] = due;
  const sequences = due.map(({ sequence }) => sequence);
  const units = due.reduce((sum, row) => sum + BigInt(row.has_data ? row.data_units : 0), 0n);
  const change = await planChange(tx, await sumProducts(tx, sequences), epoch);
  const { moves, repayments } = await planPayments(tx, change);
  await writeChange(tx, change);
  await writeRepayments(tx, repayments);
  await bookControl(tx, { units: units + controlChange(moves), subUnits: owedBy(change) });
  const batch = { epoch, reason: 'fees.credited', moves, recordedAt: clock.now() } as const;
  const batchId = await recordBatch(tx, batch);
  await tx.query(sql`
    update fees.routings set batch_id = ${batchId}
    where sequence = any(${sequences}::bigint[])`);
  return due;
}

/**
 * `shareProducts` of many vectors, summed by payee, where the vectors lie: numerics are exact, and of two million shares only
 * one row a payee travels. Moving them here to sum them took twice as long.
 */
async function sumProducts(tx: Tx, sequences: readonly string[]): Promise<SubUnits> {
  const rows = await tx.query<{ payee: string; sub_units: string }>(sql`
    select payee, sum(data_units * weight) as sub_units
    from fees.routings
    join fees.vectors on vectors.id = vector_id
    cross join unnest(share_to, share_weights) as share (payee, weight)
    where sequence = any(${sequences}::bigint[])
    group by payee`);
  return new Map(rows.map(({ payee, sub_units }) => [payee, BigInt(sub_units)]));
}
