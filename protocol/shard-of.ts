import { sha256 } from './hash.ts';

/**
 * The shard that keeps a payer's funds and fees, 0 to `shards` - 1: the same for ever, in every process and language.
 *
 * Jump consistent hashing of the first 64 bits of SHA-256(payer), big-endian. From n to n + 1 shards, one payer in n + 1
 * changes his, and only to the new one. Moving his funds there is the operator's work.
 * Source: Lamping, Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014.
 *
 * @param shards at least 1
 */
export function shardOf(payer: string, shards: number): number {
  if (!Number.isSafeInteger(shards) || shards < 1)
    throw new RangeError('There is at least one shard.');
  let key = firstWord(sha256(new TextEncoder().encode(payer)));
  let shard = 0;
  for (let next = 0; next < shards; ) {
    shard = next;
    key = BigInt.asUintN(64, key * 2862933555777941757n + 1n);
    next = Math.floor((shard + 1) * (2 ** 31 / Number((key >> 33n) + 1n)));
  }
  return shard;
}

const firstWord = (bytes: Uint8Array): bigint =>
  new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
