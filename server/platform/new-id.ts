import { randomBytes } from 'node:crypto';
import { type Id, type IdKind, makeId } from '@openledger/protocol';
import type { Clock } from './clock.ts';

/** A new id of the kind, from the clock and the system's randomness. */
export const newId = <K extends IdKind>(kind: K, clock: Clock): Id<K> =>
  makeId(kind, { now: clock.now().getTime(), random: freshBytes() });

const ID_BYTES = 10;

/** Asking the system costs more than all the rest of an id, so it is asked for many at once. Each byte is given out once. */
let pool: Uint8Array = new Uint8Array(0);

function freshBytes(): Uint8Array {
  if (pool.length < ID_BYTES) pool = randomBytes(ID_BYTES * 400);
  const fresh = pool.subarray(0, ID_BYTES);
  pool = pool.subarray(ID_BYTES);
  return fresh;
}
