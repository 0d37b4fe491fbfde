/** Columns of 24-bit numbers in files, read page by page through a cache of bounded size. */
import { readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { OpenLedgerError } from '@openledger/protocol';

/** Numbers in one page. */
export const PAGE_NUMBERS = 16_384;
const NUMBER_BYTES = 3;
const PAGE_BYTES = PAGE_NUMBERS * NUMBER_BYTES;

export type ColumnPlace = {
  readonly file: number;
  /** For complaints. */
  readonly name: string;
  readonly offset: number;
  /** How many numbers. */
  readonly length: number;
  /** Of each page, in order. */
  readonly checksums: Uint32Array;
};

export type PageCache = {
  /** Reads numbers of a column; NaN past its end. @throws unavailable when a page is not what was written */
  column(place: ColumnPlace): (index: number) => number;
  readonly bytes: () => number;
};

/** A place for a page, and the column whose page lies in it. */
type Slot = {
  readonly bytes: Uint8Array;
  pages: (Uint8Array | undefined)[];
  page: number;
};

/** What was not read since the hand passed last is let go first (second chance; Corbató, 1968). */
export function createPageCache({ mostBytes }: { readonly mostBytes: number }): PageCache {
  const most = Math.max(8, Math.floor(mostBytes / PAGE_BYTES));
  const held: Slot[] = [];
  const wasRead: Uint8Array = new Uint8Array(most);
  let hand = 0;

  /** A new place, or one whose page nobody has read lately. */
  const freeSlot = (): number => {
    if (held.length < most) {
      return held.push({ bytes: new Uint8Array(PAGE_BYTES), pages: [], page: 0 }) - 1;
    }
    while (wasRead[hand]) {
      wasRead[hand] = 0;
      hand = (hand + 1) % most;
    }
    const slot = hand;
    hand = (hand + 1) % most;
    const { pages, page } = held[slot];
    pages[page] = undefined;
    return slot;
  };

  return {
    column(place) {
      const pages: Slot['pages'] = new Array(Math.ceil(place.length / PAGE_NUMBERS));
      const slots = new Int32Array(pages.length);
      const load = (page: number): Uint8Array => {
        const number = freeSlot();
        const slot = held[number];
        [slot.pages, slot.page] = [[], 0]; // nobody's, should reading fail
        readPage(place, page, slot.bytes);
        [slot.pages, slot.page] = [pages, page];
        slots[page] = number;
        pages[page] = slot.bytes;
        return slot.bytes;
      };
      return (index) => {
        if (index >= place.length) return Number.NaN;
        const page = (index / PAGE_NUMBERS) | 0;
        const bytes = pages[page] ?? load(page);
        wasRead[slots[page]] = 1;
        const at = (index - page * PAGE_NUMBERS) * NUMBER_BYTES;
        return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
      };
    },
    bytes: () => held.length * PAGE_BYTES,
  };
}

function readPage(
  { file, name, offset, length, checksums }: ColumnPlace,
  page: number,
  into: Uint8Array,
): void {
  const numbers = Math.min(PAGE_NUMBERS, length - page * PAGE_NUMBERS);
  const bytes = into.subarray(0, numbers * NUMBER_BYTES);
  const read = readSync(file, bytes, 0, bytes.length, offset + page * PAGE_BYTES);
  if (read === bytes.length && crc32(bytes) === checksums[page]) return;
  throw new OpenLedgerError('unavailable', `Page ${page} of ${name} is damaged.`);
}

/** A column as it stands in a file: three bytes a number, the lowest first. @param numbers each in 0..2^24 - 1 */
export function packColumn(numbers: Int32Array): {
  readonly bytes: Uint8Array;
  readonly checksums: Uint32Array;
} {
  const bytes = new Uint8Array(numbers.length * NUMBER_BYTES);
  for (let i = 0, at = 0; i < numbers.length; i++, at += NUMBER_BYTES) {
    const number = numbers[i];
    bytes[at] = number;
    bytes[at + 1] = number >>> 8;
    bytes[at + 2] = number >>> 16;
  }
  const checksums = new Uint32Array(Math.ceil(numbers.length / PAGE_NUMBERS));
  for (let page = 0; page < checksums.length; page++) {
    checksums[page] = crc32(bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES));
  }
  return { bytes, checksums };
}
