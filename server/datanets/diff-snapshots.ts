/** What has changed from one snapshot to another. */
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { findSnapshot } from './snapshots.ts';

type Kind = 'added' | 'removed' | 'changed';

/** Hashes of records, sorted and cut at the limit; the counts are of all. */
export type SnapshotDiff = Readonly<Record<Kind, readonly string[]>> & {
  readonly counts: Readonly<Record<Kind | 'same', number>>;
};

/**
 * Compares leaves: a record of both with another entitlement vector or owner map has changed. Withdrawals change no leaf.
 *
 * @throws not_found
 */
export async function diffSnapshots(
  reader: Reader,
  query: { readonly snapshotId: string; readonly beforeId: string; readonly limit: number },
): Promise<SnapshotDiff> {
  await findSnapshot(reader, query.beforeId);
  await findSnapshot(reader, query.snapshotId);
  const rows = await reader.query<{ kind: Kind | 'same'; count: string; hashes: string[] }>(sql`
    with earlier as (
      select record_hash, owners_hash, map_hash
      from datanets.leaves
      where snapshot_id = ${query.beforeId}
    ), later as (
      select record_hash, owners_hash, map_hash
      from datanets.leaves
      where snapshot_id = ${query.snapshotId}
    ), compared as (
      select record_hash,
        case
          when earlier.owners_hash is null then 'added'
          when later.owners_hash is null then 'removed'
          when (earlier.owners_hash, earlier.map_hash) <> (later.owners_hash, later.map_hash) then 'changed'
          else 'same'
        end as kind
      from earlier
      full join later using (record_hash)
    )
    select kind, count(*),
      case
        when kind = 'same' then '{}'
        else (array_agg(record_hash order by record_hash))[1:${query.limit}::integer]
      end as hashes
    from compared
    group by kind`);
  const rowOf = new Map(rows.map((row) => [row.kind, row]));
  const count = (kind: Kind | 'same') => Number(rowOf.get(kind)?.count ?? 0);
  const hashes = (kind: Kind) => rowOf.get(kind)?.hashes ?? [];
  return {
    counts: {
      ...{ added: count('added'), removed: count('removed') },
      ...{ changed: count('changed'), same: count('same') },
    },
    ...{ added: hashes('added'), removed: hashes('removed'), changed: hashes('changed') },
  };
}
