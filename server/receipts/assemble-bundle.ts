/** Puts together what somebody needs to check a receipt alone. */
import {
  type Anchor,
  BUNDLE_VERSION,
  type Bundle,
  canonicalize,
  formatEntitlement,
  formatOwnerMap,
  type InferenceReceipt,
  OpenLedgerError,
  recordsCited,
} from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { proveConsistency, proveInclusion, signHead } from './log.ts';
import { findReceipt } from './receipts.ts';
import type { ReceiptsHandles, SnapshotProofs } from './stage.ts';

/** Of a snapshot's records, those whose texts may be shown. */
export type Readable = (
  snapshotId: string,
  recordHashes: readonly string[],
) => Promise<ReadonlySet<string>>;

export type BundleOptions = {
  /** Show request and output, as far as their salts have not been erased. */
  readonly disclose: boolean;
  /** Of a snapshot's records, those whose texts may be shown. Absent: all. */
  readonly readable?: Readable;
  /** Prove one history with this root as well. */
  readonly anchor?: Anchor;
};

/**
 * @returns the bundle's canonical text
 * @throws not_found for an unknown receipt, invalid_input for a reversal or an anchor older than the receipt
 */
export async function assembleBundle(
  handles: ReceiptsHandles,
  receiptId: string,
  { disclose, anchor, readable = all }: BundleOptions,
): Promise<string> {
  const { db, signers, governance, snapshots, termsOf } = handles;
  const { receipt, signature, leafIndex, inferenceId } = await findReceipt(db, receiptId);
  if (receipt.kind !== 'receipt') {
    throw new OpenLedgerError('invalid_input', 'A reversal has no bundle; its receipt has.');
  }
  const { treeSize, note } = await signHead(handles, signers.log);
  const { policy } = await governance.findPolicy(receipt.policy);
  const named = [...new Set(receipt.snapshots.map(({ snapshot }) => snapshot))];
  const bundle: Bundle = {
    version: BUNDLE_VERSION,
    receipt,
    signature,
    inclusion: {
      index: leafIndex,
      proof: await proveInclusion(db, { index: leafIndex, size: treeSize }),
    },
    checkpoint: note,
    anchor: anchor && (await proveAnchor(db, anchor, { leafIndex, treeSize })),
    draw: await proveDraw(db, receipt, treeSize),
    policy,
    terms: receipt.price.terms && (await termsOf(receipt.price.terms.hash)),
    snapshots: await Promise.all(named.map((snapshotId) => snapshots.manifest(snapshotId))),
    records: await citedRecords(snapshots, receipt, readable),
    disclosures: disclose ? await disclosuresOf(handles, inferenceId) : {},
  };
  return canonicalize(bundle);
}

const all: Readable = async (_, recordHashes) => new Set(recordHashes);

/** Every record that the evidence cites, sorted by hash. */
async function citedRecords(
  snapshots: SnapshotProofs,
  receipt: InferenceReceipt,
  readable: Readable,
): Promise<Bundle['records']> {
  const bySnapshot = new Map<`snp_${string}`, Set<string>>();
  for (const { record, snapshot } of recordsCited(receipt)) {
    bySnapshot.set(snapshot, (bySnapshot.get(snapshot) ?? new Set()).add(record));
  }
  const proved = await Promise.all(
    [...bySnapshot].map(async ([snapshot, hashes]) => {
      const shown = await readable(snapshot, [...hashes]);
      return (await snapshots.prove(snapshot, [...hashes])).map((one) => ({
        snapshot,
        record: one.record,
        index: one.index,
        proof: [...one.proof],
        owners: formatEntitlement(one.owners),
        map: formatOwnerMap(one.map),
        text: shown.has(one.record) ? (one.text ?? null) : null,
      }));
    }),
  );
  return proved.flat().sort((a, b) => (a.record < b.record ? -1 : 1));
}

/** That the head which drew the inference is of this log. */
async function proveDraw(
  on: Reader,
  { channels }: InferenceReceipt,
  treeSize: number,
): Promise<Bundle['draw']> {
  const head = channels?.draw.checkpoint;
  if (!head) return undefined;
  if (head.size === 0) return { consistency: [] };
  return { consistency: await proveConsistency(on, { first: head.size, second: treeSize }) };
}

async function proveAnchor(
  on: Reader,
  anchor: Anchor,
  { leafIndex, treeSize }: { readonly leafIndex: number; readonly treeSize: number },
): Promise<Bundle['anchor']> {
  if (anchor.size <= leafIndex) {
    throw new OpenLedgerError('invalid_input', 'That epoch was anchored before the receipt.', {
      epoch: anchor.epoch,
    });
  }
  const [first, second] = [anchor.size, treeSize].sort((a, b) => a - b);
  return { ...anchor, consistency: await proveConsistency(on, { first, second }) };
}

async function disclosuresOf(
  { db, textsOf }: ReceiptsHandles,
  inferenceId: string,
): Promise<Bundle['disclosures']> {
  const [salts] = await db.query<{ request: string; output: string }>(sql`
    select request, output
    from receipts.salts
    where inference_id = ${inferenceId}`);
  if (!salts) return {};
  const texts = await textsOf(inferenceId);
  return {
    request: { salt: salts.request, text: texts.request },
    output: { salt: salts.output, text: texts.output },
  };
}
