/** Proofs of sealed records, read through the datanets' door. */
import type { Datanets } from '../datanets/index.ts';
import type { SnapshotProofs } from './stage.ts';

export const proofsFrom = (
  datanets: Pick<Datanets, 'findSnapshot' | 'proveRecords'>,
): SnapshotProofs => ({
  manifest: async (snapshotId) => (await datanets.findSnapshot(snapshotId)).manifest,
  prove: async (snapshotId, recordHashes) =>
    (await datanets.proveRecords(snapshotId, recordHashes)).map(
      ({ recordHash, index, proof, owners, map, text }) => ({
        record: recordHash,
        index,
        proof,
        owners,
        map,
        text,
      }),
    ),
});
