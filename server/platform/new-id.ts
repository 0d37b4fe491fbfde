import { randomBytes } from 'node:crypto';
import { type Id, type IdKind, makeId } from '@openledger/protocol';
import type { Clock } from './clock.ts';

/** A new id of the kind, from the clock and the system's randomness. */
export const newId = <K extends IdKind>(kind: K, clock: Clock): Id<K> =>
  makeId(kind, { now: clock.now().getTime(), random: randomBytes(10) });
