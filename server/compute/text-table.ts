/**
 * Numbers the distinct pieces of texts, in the order in which they come, without making a string of each.
 *
 * An open hash table, linear probing, never more than half full. A piece is remembered by the text where it was met first. Hashes
 * begin with a secret of the table's own: else whoever writes the texts could make all his words fall on one place.
 */
import { doubled } from './doubled.ts';
import { mix } from './mix.ts';

export type TextTable = {
  /** The number of text.slice(start, end), a new one where it was never met. */
  numberOf(text: string, start: number, end: number): number;
  /** The same, -1 where it was never met. */
  find(text: string, start: number, end: number): number;
  readonly size: () => number;
  readonly textAt: (number: number) => string;
};

/** 32 bits of a piece of a text, by its UTF-16 units: FNV-1a, then mixed. @param seed where it begins; FNV's own where it is left out */
export function hashText(text: string, start: number, end: number, seed = 0x811c9dc5): number {
  let h = seed;
  for (let i = start; i < end; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix(h);
}

export function createTextTable(): TextTable {
  const secret = randomSeed();
  let slots = new Int32Array(1024).fill(-1);
  let hashes = new Int32Array(512);
  const texts: string[] = []; // where each was met first
  let starts = new Int32Array(512);
  let ends = new Int32Array(512);

  const isPiece = (number: number, text: string, start: number, end: number): boolean => {
    const from = starts[number];
    if (ends[number] - from !== end - start) return false;
    const other = texts[number];
    for (let i = end - start - 1; i >= 0; i--) {
      if (other.charCodeAt(from + i) !== text.charCodeAt(start + i)) return false;
    }
    return true;
  };

  const slotOf = (hash: number, text: string, start: number, end: number): number => {
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const number = slots[slot];
      if (number < 0) return slot;
      if (hashes[number] === hash && isPiece(number, text, start, end)) return slot;
    }
  };

  const grow = () => {
    hashes = doubled(hashes);
    starts = doubled(starts);
    ends = doubled(ends);
    slots = new Int32Array(slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let number = 0; number < texts.length; number++) {
      let slot = hashes[number] & mask;
      while (slots[slot] >= 0) slot = (slot + 1) & mask;
      slots[slot] = number;
    }
  };

  return {
    numberOf(text, start, end) {
      const hash = hashText(text, start, end, secret);
      const slot = slotOf(hash, text, start, end);
      if (slots[slot] >= 0) return slots[slot];
      const number = texts.length;
      slots[slot] = number;
      hashes[number] = hash;
      texts.push(text);
      starts[number] = start;
      ends[number] = end;
      if (texts.length === hashes.length) grow();
      return number;
    },
    find: (text, start, end) => slots[slotOf(hashText(text, start, end, secret), text, start, end)],
    size: () => texts.length,
    textAt: (number) => texts[number].slice(starts[number], ends[number]),
  };
}

const randomSeed = (): number => (Math.random() * 2 ** 32) | 0;
