import {
  type EntitlementList,
  type EntitlementVector,
  formatEntitlement,
  type SnapshotExport,
} from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { QUALITY_VERSION } from './quality.ts';
import {
  findEntitlements,
  findSnapshot,
  findUnigramDocument,
  snapshotRecords,
} from './snapshots.ts';

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
  const sealed = await collect(snapshotRecords(reader, snapshotId));
  const hashes = sealed.flatMap(({ map }) => map.map(([, hash]) => hash));
  const vectors = await findEntitlements(reader, hashes);
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
  for (const record of sealed) {
    records.push({
      record: record.recordHash,
      owners: indexFor(record.ownersHash, record.owners),
      quality: record.quality,
      information: record.information.toString(),
      map: record.map.map(([words, hash]) => [words, indexFor(hash, vectors.get(hash)!)]),
      owned: {
        owners: indexFor(record.owned.ownersHash, record.owned.owners),
        information: record.owned.information.toString(),
      },
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

async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
