/** Closes an epoch of credits: posts what was stamped with it, and passes the pools on to their members. */
import {
  COMMONS,
  foldPool,
  type Shares,
  type SubUnits,
  sumSubUnits,
  WEIGHT_ONE,
} from '@openledger/protocol';
import type { Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { postBatches, recordBatch } from './batches.ts';
import { creditSubUnits } from './credits.ts';
import { endEpoch } from './epochs.ts';
import { rollUp } from './roll-up.ts';
import { postRouting } from './route.ts';
import { type RoutingRow, routingColumns, routingFromRow } from './routings.ts';
import { type FeesHandles, lockEntitlements } from './stage.ts';

/**
 * Closes an epoch. When this returns, every credit of the epoch stands in `<party>:pending:<epoch>` and none will
 * follow. Repeatable after a crash.
 *
 * @throws conflict when the epoch has not begun
 */
export async function closeEpoch(handles: FeesHandles, epoch: number): Promise<void> {
  await handles.db.transaction((tx) => endEpoch(tx, epoch, handles.clock.now()));
  await postStamped(handles, epoch);
  await rollUp(handles);
  await foldPools(handles, epoch);
}

/** Routings that were stamped with the epoch and whose process has not come to post them. */
async function postStamped(handles: FeesHandles, epoch: number): Promise<void> {
  const rows = await handles.db.query<RoutingRow>(sql`
    select ${routingColumns}
    from fees.routings
    left join fees.batches on batches.id = batch_id
    where not is_posted and routings.epoch <= ${epoch}
    order by sequence`);
  for (const row of rows) await postRouting(handles, routingFromRow(row));
}

type PoolInflow = { pool: string; sub_units: string; folded: string };

/** Passes what pools took in during a closed epoch on to their members. */
export async function foldPools(handles: FeesHandles, epoch: number): Promise<void> {
  const pools = await handles.db.query<{ pool: string }>(sql`
    select pool from fees.pool_epochs where epoch = ${epoch} and folded_in is null`);
  const members = new Map<string, Shares>();
  for (const { pool } of pools) members.set(pool, await membersOf(handles, pool));

  await handles.db.transaction(async (tx) => {
    await lockEntitlements(tx);
    const added: SubUnits[] = [];
    for (const inflow of await unfolded(tx, epoch)) {
      const heirs = members.get(inflow.pool);
      if (!heirs) throw new Error(`${inflow.pool} took something in after its epoch had closed.`);
      const before = BigInt(inflow.folded);
      const after = before + BigInt(inflow.sub_units);
      const fold = foldPool({ before, after }, heirs);
      added.push(fold.added);
      await tx.query(sql`
        insert into fees.pools (pool, folded, remainder)
        values (${inflow.pool}, ${after}, ${fold.remainder})
        on conflict (pool) do update
        set folded = excluded.folded, remainder = excluded.remainder`);
    }
    if (added.length === 0) return;
    const moves = await creditSubUnits(tx, sumSubUnits(added), epoch);
    const batchId = await recordBatch(tx, { epoch, reason: 'fees.folded', moves });
    await tx.query(sql`
      update fees.pool_epochs set folded_in = ${batchId}
      where epoch = ${epoch} and folded_in is null`);
  });
  await postBatches(handles);
}

const unfolded = (tx: Tx, epoch: number): Promise<readonly PoolInflow[]> =>
  tx.query<PoolInflow>(sql`
    select pool_epochs.pool, sub_units, coalesce(folded, 0) as folded
    from fees.pool_epochs
    left join fees.pools on pools.pool = pool_epochs.pool
    where epoch = ${epoch} and folded_in is null
    order by pool_epochs.pool`);

/** A pool without members pays the commons. */
async function membersOf(handles: FeesHandles, pool: string): Promise<Shares> {
  const members = await handles.poolMembers(pool);
  if (members.length === 0) return [{ to: COMMONS, weight: WEIGHT_ONE }];
  return members.map(({ party, weight }) => ({ to: party, weight }));
}
