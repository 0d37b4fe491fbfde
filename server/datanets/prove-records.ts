/** Proofs that records and their owners are part of a snapshot (RFC 6962 inclusion). */
import {
  createMerkleTree,
  type EntitlementVector,
  leafHash,
  type MerkleTree,
  OpenLedgerError,
  type OwnedWords,
  snapshotLeaf,
  toHex,
} from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { findOwnerMaps, findSnapshotRecords } from './snapshots.ts';

export type RecordProof = {
  readonly recordHash: string;
  readonly owners: EntitlementVector;
  /** Whose each of its words is. */
  readonly map: readonly OwnedWords[];
  readonly index: number;
  readonly size: number;
  /** Lower-case hex, nearest to the leaf first. */
  readonly proof: readonly string[];
  readonly root: string;
  readonly withdrawn: boolean;
  /** Undefined once it is withdrawn. */
  readonly text: string | undefined;
};

/** @throws not_found when the snapshot does not hold one of the records */
export type Prover = (
  snapshotId: string,
  recordHashes: readonly string[],
) => Promise<readonly RecordProof[]>;

/** Snapshots never change, so the trees of the last few asked for are kept. */
const KEPT_TREES = 8;

export function createProver(reader: Reader): Prover {
  const trees = new Map<string, Promise<MerkleTree>>();

  function treeOf(snapshotId: string): Promise<MerkleTree> {
    const tree = trees.get(snapshotId) ?? readTree(reader, snapshotId);
    trees.delete(snapshotId);
    trees.set(snapshotId, tree);
    tree.catch(() => trees.delete(snapshotId));
    if (trees.size > KEPT_TREES) trees.delete(trees.keys().next().value as string);
    return tree;
  }

  return async (snapshotId, recordHashes) => {
    const records = await findSnapshotRecords(reader, snapshotId, recordHashes);
    const found = new Set(records.map(({ recordHash }) => recordHash));
    const missing = recordHashes.find((recordHash) => !found.has(recordHash));
    if (missing !== undefined) {
      throw new OpenLedgerError('not_found', `The snapshot does not hold the record ${missing}.`, {
        snapshotId,
        recordHash: missing,
      });
    }
    const maps = await findOwnerMaps(reader, records);
    const tree = await treeOf(snapshotId);
    const root = toHex(tree.root());
    return records.map(({ recordHash, owners, position, withdrawn, text }) => ({
      ...{ recordHash, owners, map: maps.get(recordHash)!, root, withdrawn },
      ...{ index: position, size: tree.size() },
      proof: tree.inclusion(position).map(toHex),
      text: withdrawn ? undefined : text,
    }));
  };
}

async function readTree(reader: Reader, snapshotId: string): Promise<MerkleTree> {
  const leaves = await reader.query<{ record: string; owners: string; map: string }>(sql`
    select record_hash as record, owners_hash as owners, map_hash as map
    from datanets.leaves
    where snapshot_id = ${snapshotId}
    order by position`);
  return createMerkleTree(leaves.map((leaf) => leafHash(snapshotLeaf(leaf))));
}
