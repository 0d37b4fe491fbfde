import { randomBytes } from 'node:crypto';
import { type Id, type IdKind, makeId } from '@openledger/protocol';
import type { Clock } from './clock.ts';

/**
 * A new id of the kind, from the clock and the system's randomness.
 *
 * Ids that this process makes within a millisecond ascend, 2,048 of them at least: their first 12 bits of randomness count on
 * (RFC 9562, section 6.2, method 1).
 */
export function newId<K extends IdKind>(kind: K, clock: Clock): Id<K> {
  const now = clock.now().getTime();
  const random = freshBytes();
  const isNext = now === latest.now && latest.count < 0xfff;
  const count = isNext ? latest.count + 1 : ((random[0] & 0x07) << 8) | random[1];
  random.set([count >>> 8, count & 0xff]);
  latest = { now, count };
  return makeId(kind, { now, random });
}

let latest = { now: Number.NaN, count: 0 };

const ID_BYTES = 10;

/** Asking the system costs more than all the rest of an id, so it is asked for many at once. Each byte is given out once. */
let pool: Uint8Array = new Uint8Array(0);

function freshBytes(): Uint8Array {
  if (pool.length < ID_BYTES) pool = randomBytes(ID_BYTES * 400);
  const fresh = pool.subarray(0, ID_BYTES);
  pool = pool.subarray(ID_BYTES);
  return fresh;
}
