/**
 * The bundle: all that somebody needs to check one receipt without asking anybody, as one canonical JSON text.
 *
 * Nothing in it is optional decoration: each byte is bound by some check. What the checker believes beforehand (`Trust`)
 * comes from elsewhere, never from the bundle.
 */
import { z } from 'zod';
import { Sha256Hex } from '../hash.ts';
import { idSchema } from '../ids.ts';
import { OwnerMap } from '../owner-map.ts';
import { FeePolicy } from '../policy.ts';
import { Disclosure, InferenceReceipt, ReceiptSignature } from '../receipt.ts';
import { Address } from '../signatures.ts';
import { EntitlementList, SnapshotManifest } from '../snapshot.ts';
import { Terms } from '../terms.ts';

export const BUNDLE_VERSION = 'openledger-bundle-1';

/** A larger file is refused unread. */
export const MAX_BUNDLE_BYTES = 128 * 1024 * 1024;

const Count = z.number().int().min(0);
const Proof = z.array(Sha256Hex).max(64);

/** A log root that a settlement epoch fixed on chain. */
export const Anchor = z.strictObject({ epoch: Count, size: Count, root: Sha256Hex });
export type Anchor = z.output<typeof Anchor>;

/** A record that evidence cites: its place in its snapshot, who is entitled to it, and its text unless withdrawn. */
export const BundleRecord = z.strictObject({
  snapshot: idSchema('snapshot'),
  record: Sha256Hex,
  index: Count,
  proof: Proof,
  owners: EntitlementList,
  /** Whose each of its words is. */
  map: OwnerMap,
  text: z.string().nullable(),
});
export type BundleRecord = z.output<typeof BundleRecord>;

export const Bundle = z.strictObject({
  version: z.literal(BUNDLE_VERSION),
  receipt: InferenceReceipt,
  signature: ReceiptSignature,
  /** Where the receipt stands in the log, in the tree of the checkpoint. */
  inclusion: z.strictObject({ index: Count, proof: Proof }),
  /** A signed note. */
  checkpoint: z.string().max(4000),
  /** The proof leads from the smaller of the two trees to the larger. */
  anchor: z.strictObject({ ...Anchor.shape, consistency: Proof }).optional(),
  /** Where a head of the log decided whether to measure: the proof that the checkpoint's log grew out of it. */
  draw: z.strictObject({ consistency: Proof }).optional(),
  policy: FeePolicy,
  /** Those that the price names. */
  terms: Terms.optional(),
  /** Each once, in the order of the receipt. */
  snapshots: z.array(SnapshotManifest),
  /** Those that spans and channels cite, sorted by hash. */
  records: z.array(BundleRecord),
  disclosures: z.strictObject({
    request: Disclosure.optional(),
    output: Disclosure.optional(),
  }),
});
export type Bundle = z.output<typeof Bundle>;

/** Whom the checker believes. Kept in a small file by the command line; fetched once, compared by eye. */
export const Trust = z.strictObject({
  /** Keys of logs, as `formatNoteKey` writes them. */
  logKeys: z.array(z.string()).min(1),
  /** Addresses that may sign receipts. */
  signers: z.array(Address).min(1),
  /** Roots read from the chain. */
  anchors: z.array(Anchor).optional(),
});
export type Trust = z.output<typeof Trust>;
