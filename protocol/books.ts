/** What the books commit to: batches of the log, and the seals of their periods. */
import { z } from 'zod';
import { concatBytes, fromHex, utf8 } from './bytes.ts';
import { canonicalHash, canonicalize } from './canonical.ts';
import { Sha256Hex, sha256Hex } from './hash.ts';

const Count = z.number().int().nonnegative();
const Place = z.number().int().positive();

/** What a batch's hash covers, and the hash. */
export const BatchHeader = z.strictObject({
  number: Place,
  /** Of the writer; a later writer has a higher one. */
  term: Place,
  firstSequence: Place,
  /** The hash of the batch before; zeros before the first. */
  previous: Sha256Hex,
  /** RFC 6962 root of the batch's transactions. */
  root: Sha256Hex,
  hash: Sha256Hex,
});
export type BatchHeader = z.infer<typeof BatchHeader>;

/** SHA-256(previous | term | first sequence | root); both numbers as 8 bytes, big-endian. */
export const batchHash = ({
  previous,
  term,
  firstSequence,
  root,
}: Pick<BatchHeader, 'previous' | 'term' | 'firstSequence' | 'root'>): string =>
  sha256Hex(concatBytes(fromHex(previous), uint64(term), uint64(firstSequence), fromHex(root)));

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** The seal of a period: everything that the books said at its last sequence. Seals form a chain. */
export const Seal = z.strictObject({
  period: Place,
  firstSequence: Place,
  /** The watermark. One less than the first where nothing was posted. */
  lastSequence: Count,
  /** The first batch of the period; one more than the last where nothing was posted. */
  firstBatch: Place,
  /** The batch that ends with the watermark. */
  batch: Count,
  /** The hash of that batch, and so of all before it. */
  batchHash: Sha256Hex,
  /** RFC 6962 root over the hashes of the period's batches. */
  batches: Sha256Hex,
  /** How many accounts did not stand at zero. */
  accounts: Count,
  /** RFC 6962 root of the trial balance: `balanceLeaf` of each of them, by account and asset. */
  root: Sha256Hex,
  /** The hash of the seal before; zeros before the first. */
  previous: Sha256Hex,
  /** What was effective until then belongs to the period; posted later, it is late. */
  closedAt: z.iso.datetime(),
  sealedAt: z.iso.datetime(),
  /** SHA-256 of the canonical JSON of all the rest. */
  hash: Sha256Hex,
});
export type Seal = z.infer<typeof Seal>;

export const NO_SEAL = '0'.repeat(64);

export const sealHash = ({ hash: _, ...record }: Omit<Seal, 'hash'> & { hash?: string }): string =>
  canonicalHash(record);

/** Leaf data of a period's trial balance. */
export const balanceLeaf = (line: {
  readonly period: number;
  readonly account: string;
  readonly asset: string;
  /** Units, perhaps negative. */
  readonly balance: string;
}): Uint8Array => utf8(canonicalize(line));
