/**
 * Where each distinct window of a growing sequence stood first.
 *
 * Open addressing with linear probing over one typed array. A hash only says where to look: windows are equal when
 * their symbols are, so the answers hang on no hash.
 */
import { randomInt } from 'node:crypto';

/** A sequence that only grows; `symbols` becomes a longer array when it is full. */
export type Corpus = { readonly symbols: Int32Array };

/** Positions are where windows of the table's length begin; all of a window lies inside the corpus. */
export type WindowTable = {
  /** The position at which the same window was asked for first, which is this one where it is new. */
  readonly firstOf: (position: number) => number;
  /** The same, and leaves no trace: undefined where no such window was asked for. */
  readonly find: (position: number) => number | undefined;
};

/** Slots in use at most, of a hundred. */
const FULL = 60;

/** @param length symbols in a window, at least 1 */
export function createWindowTable(corpus: Corpus, length: number): WindowTable {
  const seed = randomInt(2 ** 32) | 0; // nobody can prepare texts that collide
  let slots = new Int32Array(2 * 1024); // pairs: hash, position + 1; 0 = empty
  let used = 0;

  function hashAt(position: number): number {
    const { symbols } = corpus;
    let hash = seed;
    for (let i = position; i < position + length; i++) {
      hash = Math.imul(hash ^ symbols[i], 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0x85ebca6b);
    return hash ^ (hash >>> 13);
  }

  function isEqual(a: number, b: number): boolean {
    const { symbols } = corpus;
    for (let i = 0; i < length; i++) if (symbols[a + i] !== symbols[b + i]) return false;
    return true;
  }

  function grow(): void {
    const old = slots;
    slots = new Int32Array(old.length * 2);
    const mask = slots.length / 2 - 1;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue;
      let slot = old[i] & mask;
      while (slots[2 * slot + 1] !== 0) slot = (slot + 1) & mask;
      slots[2 * slot] = old[i];
      slots[2 * slot + 1] = old[i + 1];
    }
  }

  /** Where the window is, or where it would be put. */
  function slotOf(position: number, hash: number): number {
    const mask = slots.length / 2 - 1;
    let slot = hash & mask;
    for (; slots[2 * slot + 1] !== 0; slot = (slot + 1) & mask) {
      if (slots[2 * slot] === hash && isEqual(slots[2 * slot + 1] - 1, position)) break;
    }
    return slot;
  }

  return {
    firstOf: (position) => {
      if (used * 100 >= (slots.length / 2) * FULL) grow();
      const hash = hashAt(position);
      const slot = slotOf(position, hash);
      if (slots[2 * slot + 1] === 0) {
        slots[2 * slot] = hash;
        slots[2 * slot + 1] = position + 1;
        used += 1;
      }
      return slots[2 * slot + 1] - 1;
    },
    find: (position) => {
      const found = slots[2 * slotOf(position, hashAt(position)) + 1] - 1;
      return found < 0 ? undefined : found;
    },
  };
}
