/** Snapshots as attribution sees them, read through the datanets' door. */
import { poolName } from '@openledger/protocol';
import type { Datanets } from '../datanets/index.ts';
import type { SealedTexts, SnapshotSource, Standing } from './stage.ts';

type Known = { readonly version: number; readonly standing: Standing };

export function snapshotsFrom(
  datanets: Pick<Datanets, 'findSnapshot' | 'snapshotRecords' | 'ownerMapsOf' | 'unigramTableOf'>,
): SnapshotSource {
  const known = new Map<string, Known>();

  async function load(snapshotId: string): Promise<SealedTexts> {
    const { hash } = await datanets.findSnapshot(snapshotId);
    const maps = await datanets.ownerMapsOf(snapshotId);
    const records: SealedTexts['records'][number][] = [];
    for await (const { recordHash, text, owners } of datanets.snapshotRecords(snapshotId)) {
      records.push({ hash: recordHash, text, owners, map: maps.get(recordHash) ?? [] });
    }
    return { hash, records, information: await datanets.unigramTableOf(snapshotId) };
  }

  /** What is withdrawn is read again only when the pool has a new version. */
  async function standing(snapshotId: string): Promise<Standing> {
    const { poolVersion: version } = await datanets.findSnapshot(snapshotId);
    const before = known.get(snapshotId);
    if (before?.version === version) return before.standing;
    const withdrawn = new Set<string>();
    if (version > 1) {
      for await (const { recordHash, withdrawnFrom } of datanets.snapshotRecords(snapshotId)) {
        if (withdrawnFrom !== undefined && withdrawnFrom <= version) withdrawn.add(recordHash);
      }
    }
    const now = { withdrawn, pool: poolName(snapshotId, version) };
    known.set(snapshotId, { version, standing: now });
    return now;
  }

  return { load, standing };
}
