/** A line of the log, its canonical bytes, and the chain that batches of them form. */
import { canonicalize, concatBytes, type Id, merkleRoot, sha256, utf8 } from '@openledger/protocol';
import type { Command, Posting } from './command.ts';

export type Transaction = {
  readonly transactionId: Id<'transaction'>;
  /** 1, 2, 3, ... without gaps. */
  readonly sequence: number;
  readonly kind: Command['kind'];
  readonly idempotencyKey: string;
  /** SHA-256 of the canonical command, lower-case hex. */
  readonly payload: string;
  readonly at: Date;
  readonly effectiveAt?: Date;
  readonly reason: string;
  readonly reference?: string;
  /** The hold that this begins or ends. */
  readonly holdId?: Id<'hold'>;
  /** When the hold that this begins may be swept. */
  readonly expiresAt?: Date;
  readonly reverses?: Id<'transaction'>;
  readonly postings: readonly Posting[];
};

/** RFC 6962 leaf data: canonical JSON with account names, so that renaming an account breaks the chain too. */
export const encodeTransaction = (transaction: Transaction): Uint8Array =>
  utf8(
    canonicalize({
      id: transaction.transactionId,
      sequence: transaction.sequence,
      kind: transaction.kind,
      key: transaction.idempotencyKey,
      payload: transaction.payload,
      at: transaction.at.toISOString(),
      effectiveAt: transaction.effectiveAt?.toISOString(),
      reason: transaction.reason,
      reference: transaction.reference,
      hold: transaction.holdId,
      expiresAt: transaction.expiresAt?.toISOString(),
      reverses: transaction.reverses,
      postings: transaction.postings.map(({ from, to, amount, asset }) => [
        from,
        to,
        amount.toString(),
        asset,
      ]),
    }),
  );

export type Batch = {
  readonly number: number;
  readonly term: number;
  readonly firstSequence: number;
  readonly count: number;
  readonly previous: Uint8Array;
  readonly root: Uint8Array;
  readonly hash: Uint8Array;
};

export const GENESIS = new Uint8Array(32);

export const rootOf = (transactions: readonly Transaction[]): Uint8Array =>
  merkleRoot(transactions.map(encodeTransaction));

/** SHA-256(previous | term | first sequence | root); both numbers as 8 bytes, big-endian. */
export const batchHash = (batch: Omit<Batch, 'hash' | 'number' | 'count'>): Uint8Array =>
  sha256(concatBytes(batch.previous, uint64(batch.term), uint64(batch.firstSequence), batch.root));

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
