/** What OpenLedger adds to an answer, on every surface. */
import { receiptIdOf } from '@openledger/protocol';
import type { Inference } from '../gateway/index.ts';

/**
 * Which inference it was, its receipt, the receipt of the call that made the answer where
 * it is given again, and the records that were put before the model.
 */
export const extensionOf = ({
  inferenceId,
  cachedFrom,
  retrieved,
}: Pick<Inference, 'inferenceId' | 'cachedFrom' | 'retrieved'>) => ({
  inference: inferenceId,
  receipt: receiptIdOf(inferenceId),
  cachedFrom: cachedFrom && receiptIdOf(cachedFrom),
  retrieved: retrieved.map(({ recordHash, snapshotId }) => ({
    record: recordHash,
    snapshot: snapshotId,
  })),
});
