/** Closes an epoch of credits: posts and credits what was stamped with it. */
import { sql } from '../platform/sql.ts';
import { endEpoch } from './epochs.ts';
import { rollUp } from './roll-up.ts';
import { postRouting } from './route.ts';
import { type RoutingRow, routingColumns, routingFromRow, routingTables } from './routings.ts';
import type { FeesHandles } from './stage.ts';

/**
 * Closes an epoch. When this returns, every routing of the epoch is credited: what follows in `<party>:pending:<epoch>` is
 * corrections, and the parts of pools when it matures. Repeatable after a crash.
 *
 * @throws conflict when the epoch has not begun
 */
export async function closeEpoch(handles: FeesHandles, epoch: number): Promise<void> {
  await handles.db.transaction((tx) => endEpoch(tx, epoch, handles.clock.now()));
  await postStamped(handles, epoch);
  await rollUp(handles);
}

/** Routings that were stamped with the epoch and whose process has not come to post them. */
async function postStamped(handles: FeesHandles, epoch: number): Promise<void> {
  const rows = await handles.db.query<RoutingRow>(sql`
    select ${routingColumns}
    from ${routingTables}
    where not is_posted and routings.epoch <= ${epoch}
    order by sequence`);
  for (const row of rows) await postRouting(handles, routingFromRow(row));
}
