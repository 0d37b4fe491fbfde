/** The follower: sums the share vectors that came in, and credits what whole units came together. */
import { shareProducts, sumSubUnits, WEIGHT_ONE } from '@openledger/protocol';
import { sleep } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { postBatches, recordBatch } from './batches.ts';
import { creditSubUnits } from './credits.ts';
import { type RoutingRow, sharesFromRow } from './routings.ts';
import { type FeesHandles, lockEntitlements } from './stage.ts';

/** Credits everything that is routed and not yet credited. @returns how many inferences that was */
export async function rollUp(handles: FeesHandles): Promise<number> {
  let total = 0;
  for (;;) {
    await postBatches(handles); // what a crash may have left comes first
    if (!(await hasUncredited(handles))) return total;
    total += await handles.db.transaction(planRollUp);
  }
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

/** Records one batch for the oldest epoch that has something to credit. */
async function planRollUp(tx: Tx): Promise<number> {
  await lockEntitlements(tx);
  const rows = await tx.query<
    Pick<RoutingRow, 'sequence' | 'epoch' | 'data_units' | 'share_to' | 'share_weights'>
  >(sql`
    select sequence, epoch, data_units, share_to, share_weights::text[]
    from fees.routings
    where is_posted and batch_id is null and epoch = (
      select min(epoch) from fees.routings where is_posted and batch_id is null
    )
    order by sequence
    limit ${VECTORS_AT_ONCE}`);
  if (rows.length === 0) return 0;

  const withData = rows.filter((row) => row.share_to.length > 0);
  const sums = sumSubUnits(
    withData.map((row) => shareProducts(BigInt(row.data_units), sharesFromRow(row))),
  );
  assertConserved(sums.values(), withData);
  const [{ epoch }] = rows;
  const moves = await creditSubUnits(tx, sums, epoch);
  const batchId = await recordBatch(tx, { epoch, reason: 'fees.credited', moves });
  await tx.query(sql`
    update fees.routings set batch_id = ${batchId}
    where sequence = any(${rows.map((row) => row.sequence)}::bigint[])`);
  return rows.length;
}

function assertConserved(
  sums: Iterable<bigint>,
  rows: readonly { readonly data_units: string }[],
): void {
  let left = rows.reduce((all, row) => all + BigInt(row.data_units) * WEIGHT_ONE, 0n);
  for (const subUnits of sums) left -= subUnits;
  if (left !== 0n) throw new Error(`A roll-up would lose ${left} sub-units.`);
}
