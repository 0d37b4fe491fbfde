import {
  type EntitlementList,
  type EntitlementVector,
  formatEntitlement,
  type SnapshotExport,
} from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { QUALITY_VERSION } from './quality.ts';
import { findSnapshot, findUnigramDocument, snapshotRecords } from './snapshots.ts';

/**
 * One document with all that `verify --recompute` needs of a snapshot.
 *
 * Withdrawn records keep their leaf and lose their text: the root can still be checked, the text is not handed out.
 *
 * @throws not_found
 */
export async function exportSnapshot(reader: Reader, snapshotId: string): Promise<SnapshotExport> {
  const { manifest } = await findSnapshot(reader, snapshotId);
  const { words, total, counts } = await findUnigramDocument(reader, snapshotId);
  const entitlements: SnapshotExport['entitlements'] = [];
  const indexOf = new Map<string, number>();
  const records: SnapshotExport['records'] = [];
  const indexFor = (hash: string, vector: EntitlementVector): number => {
    const index = indexOf.get(hash) ?? entitlements.length;
    if (index === entitlements.length) {
      indexOf.set(hash, index);
      entitlements.push(formatEntitlement(vector));
    }
    return index;
  };
  for await (const record of snapshotRecords(reader, snapshotId)) {
    const { owned } = record;
    records.push({
      record: record.recordHash,
      owners: indexFor(record.ownersHash, record.owners),
      quality: record.quality,
      information: record.information.toString(),
      ...(owned && {
        owned: {
          owners: indexFor(owned.ownersHash, owned.owners),
          information: owned.information.toString(),
        },
      }),
      source: record.source,
      ...(record.withdrawn ? { withdrawnFrom: record.withdrawnFrom } : { text: record.text }),
    });
  }
  const pools = await reader.query<{ version: number; members: EntitlementList }>(sql`
    select version, vector as members
    from datanets.pools
    where snapshot_id = ${snapshotId}
    order by version`);
  return {
    manifest,
    records,
    entitlements,
    information: { words, total, counts: counts.map(([word, count]) => [word, count]) },
    quality: QUALITY_VERSION,
    pools: pools.map(({ version, members }) => ({ version, members: [...members] })),
  };
}
