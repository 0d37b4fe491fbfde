/** A line of the log, its canonical bytes, and the chain that batches of them form. */
import { createHash } from 'node:crypto';
import type { Id } from '@openledger/protocol';
import type { Command, Posting } from './command.ts';
import { leafHash, levelsOver, rootIn } from './merkle-levels.ts';

export type Transaction = {
  readonly transactionId: Id<'transaction'>;
  /** 1, 2, 3, ... without gaps. */
  readonly sequence: number;
  readonly kind: Command['kind'];
  readonly at: Date;
  readonly effectiveAt?: Date;
  readonly reason: string;
  readonly reference?: string;
  /** The hold or lease that this begins, changes or ends. */
  readonly holdId?: Id<'hold'>;
  /** When the hold that this begins may be swept, or until when the lease now lasts. */
  readonly expiresAt?: Date;
  readonly reverses?: Id<'transaction'>;
  /** A lease's fencing token. */
  readonly token?: number;
  readonly postings: readonly Posting[];
};

/**
 * RFC 6962 leaf data: canonical JSON (RFC 8785) with account names, so that renaming an account breaks the chain too.
 *
 * Written member by member in canonical order, because this runs for every transaction; account names, ids and assets need
 * no escapes. `canonicalize` gives the same text, and a property holds the two together.
 */
export const encodeTransaction = (transaction: Transaction): string =>
  encodeParts(transaction, transaction.at.toISOString(), encodePostings(transaction.postings));

/** @param at its time as text @param postings as `encodePosting` writes each, with commas between them */
export function encodeParts(
  transaction: Omit<Transaction, 'postings'>,
  at: string,
  postings: string,
): string {
  const { effectiveAt, expiresAt, holdId, reference, reverses, token } = transaction;
  return (
    `{"at":"${at}"` +
    (effectiveAt ? `,"effectiveAt":"${effectiveAt.toISOString()}"` : '') +
    (expiresAt ? `,"expiresAt":"${expiresAt.toISOString()}"` : '') +
    (holdId ? `,"hold":"${holdId}"` : '') +
    `,"id":"${transaction.transactionId}","kind":"${transaction.kind}","postings":[${postings}]` +
    `,"reason":${JSON.stringify(transaction.reason)}` +
    (reference === undefined ? '' : `,"reference":${JSON.stringify(reference)}`) +
    (reverses ? `,"reverses":"${reverses}"` : '') +
    `,"sequence":${transaction.sequence}` +
    (token === undefined ? '' : `,"token":${token}`) +
    '}'
  );
}

export const encodePosting = (from: string, to: string, amount: bigint | string, asset: string) =>
  `["${from}","${to}","${amount}","${asset}"]`;

function encodePostings(postings: readonly Posting[]): string {
  let text = '';
  for (const { from, to, amount, asset } of postings) {
    text += `${text && ','}${encodePosting(from, to, amount, asset)}`;
  }
  return text;
}

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

/** The RFC 6962 root over the transactions' texts. A text is hashed as soon as it is written: long ones are costly to keep. */
export function rootOf(transactions: readonly Transaction[]): Uint8Array {
  let [at, text] = [new Date(0), ''];
  const leaves = transactions.map((transaction) => {
    if (transaction.at !== at) [at, text] = [transaction.at, transaction.at.toISOString()]; // one for a whole batch
    return leafHash(encodeParts(transaction, text, encodePostings(transaction.postings)));
  });
  return rootIn(levelsOver(leaves));
}

/** SHA-256(previous | term | first sequence | root); both numbers as 8 bytes, big-endian. */
export const batchHash = (batch: Omit<Batch, 'hash' | 'number' | 'count'>): Uint8Array =>
  createHash('sha256')
    .update(batch.previous)
    .update(uint64(batch.term))
    .update(uint64(batch.firstSequence))
    .update(batch.root)
    .digest();

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
