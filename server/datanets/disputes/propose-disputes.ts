/** Opens a dispute for each newly accepted record that is nearly an earlier one of somebody else. */
import type { Identity } from '../../identity/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Tx } from '../../platform/db.ts';
import type { Contribution, DatanetLineage } from '../claims.ts';
import { findNearDuplicates } from '../ownership/near-duplicates.ts';
import type { TokenizedText } from '../ownership/token-ids.ts';
import { insertDisputes } from './disputes.ts';

/**
 * Looks at what came after the last seal, against everything before it.
 *
 * Inside one import there is no order, so nothing there is anybody's copy; nor is what has the same owners, or was
 * withdrawn.
 */
export async function proposeDisputes(
  tx: Tx,
  handles: { readonly identity: Identity; readonly clock: Clock },
  {
    datanetId,
    lineage: { contributions, withdrawn },
    textOf,
    sealedAt,
  }: {
    readonly datanetId: string;
    readonly lineage: Pick<DatanetLineage, 'contributions' | 'withdrawn'>;
    readonly textOf: (recordHash: string) => TokenizedText;
    readonly sealedAt: Date | undefined;
  },
): Promise<void> {
  const isNew = ({ acceptedAt, hash }: Contribution) =>
    !withdrawn.has(hash) && (sealedAt === undefined || acceptedAt > sealedAt);
  const arrivals = new Set(contributions.map(({ arrival }) => arrival));
  if (arrivals.size < 2 || !contributions.some(isNew)) return;
  const ownersOf = contributions.map(({ owners }) => owners.map(({ party }) => party).join());
  const found = findNearDuplicates(
    contributions.map(({ hash }) => textOf(hash).tokens),
    (earlier, later) =>
      isNew(contributions[later]) &&
      contributions[earlier].arrival !== contributions[later].arrival &&
      ownersOf[earlier] !== ownersOf[later],
  );
  await insertDisputes(
    tx,
    handles,
    datanetId,
    found.map(({ earlier, later, spans, similarityPpm }) => ({
      recordHash: contributions[later].hash,
      kind: 'near_duplicate',
      earlierHash: contributions[earlier].hash,
      ...{ spans, similarityPpm },
      evidence: 'Found at the seal: the same runs of four tokens in the same order.',
    })),
  );
}
