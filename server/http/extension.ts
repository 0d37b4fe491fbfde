/** What OpenLedger adds to an answer, on every surface. */
import { formatOpen, receiptIdOf } from '@openledger/protocol';
import type { Grounding, Inference, Serving } from '../gateway/index.ts';

/**
 * Which inference it was, its receipt, the receipt of the call that made the answer where
 * it is given again, how an answer broke off that is told of again, and the records that were put before the model.
 */
export const extensionOf = ({
  inferenceId,
  cachedFrom,
  retrieved,
  replay,
}: Pick<Inference, 'inferenceId' | 'cachedFrom' | 'retrieved'> & Pick<Serving, 'replay'>) => ({
  inference: inferenceId,
  receipt: receiptIdOf(inferenceId),
  cachedFrom: cachedFrom && receiptIdOf(cachedFrom),
  brokenOff: replay?.brokenOff,
  retrieved: retrieved.map(({ recordHash, snapshotId }) => ({
    record: recordHash,
    snapshot: snapshotId,
  })),
});

/** The same, and what is known of it at its end: its price, and what of it stands in those records. */
export const extensionAtEnd = (
  call: Parameters<typeof extensionOf>[0],
  {
    priceUnits,
    grounding,
  }: { readonly priceUnits: bigint; readonly grounding: Grounding | undefined },
) => ({
  ...extensionOf(call),
  citations: grounding?.citations.map(({ recordHash, snapshotId, inRecord, ...quote }) => ({
    ...{ ...quote, record: recordHash, snapshot: snapshotId },
    ...{ recordStart: inRecord.start, recordEnd: inRecord.end },
  })),
  groundedWordsPpm: grounding?.groundedWordsPpm,
  price: formatOpen(priceUnits),
});
