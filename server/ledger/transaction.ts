/** A line of the log, its canonical bytes, and the chain that batches of them form. */
import { createHash } from 'node:crypto';
import { concatBytes, type Id } from '@openledger/protocol';
import type { Command, Posting } from './command.ts';

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
export function encodeTransaction(transaction: Transaction): string {
  const { at, effectiveAt, expiresAt, holdId, reference, reverses, token } = transaction;
  let postings = '';
  for (const { from, to, amount, asset } of transaction.postings) {
    postings += `${postings && ','}["${from}","${to}","${amount}","${asset}"]`;
  }
  return (
    `{"at":"${at.toISOString()}"` +
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

const LEAF = '\0';
const NODE = Uint8Array.of(1);

const hashOf = (...parts: readonly (Uint8Array | string)[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

export const leafOf = (transaction: Transaction): Uint8Array =>
  hashOf(LEAF + encodeTransaction(transaction));

/** The root that the protocol's `merkleRoot` gives over the same leaves, with the machine's own SHA-256. */
export function rootOf(transactions: readonly Transaction[]): Uint8Array {
  let level = transactions.map(leafOf);
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) above.push(hashOf(NODE, level[i], level[i + 1]));
    if (level.length % 2 === 1) above.push(level[level.length - 1]); // a last one without a sibling rises as it is
    level = above;
  }
  return level[0];
}

/** SHA-256(previous | term | first sequence | root); both numbers as 8 bytes, big-endian. */
export const batchHash = (batch: Omit<Batch, 'hash' | 'number' | 'count'>): Uint8Array =>
  hashOf(concatBytes(batch.previous, uint64(batch.term), uint64(batch.firstSequence), batch.root));

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
