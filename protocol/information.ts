/**
 * How much a word says: self-information under a sealed snapshot's word counts, in whole 1/65,536 bits.
 *
 * Money hangs on these numbers, so they are computed in integers alone and are the same on every machine.
 */
import { canonicalHash } from './canonical.ts';
import { createCopyFinder } from './copied-tokens.ts';
import { cutWords, tokenAt, WORDS_VERSION } from './words.ts';

/** Fixed point: this many units are one bit. */
export const INFORMATION_PER_BIT = 65536;

/**
 * floor(2^16 * log2(total / count)), exactly.
 *
 * Binary logarithm by repeated squaring (Knuth, The Art of Computer Programming, section 1.2.2), in fixed point
 * with a lower and an upper bound. Where the bounds disagree about a bit it starts again with twice the precision;
 * that ends, because a fractional bit of log2 is undecided forever only for a power of two, which has none.
 *
 * @param total all occurrences, a whole number of at least `count`
 * @param count occurrences of the word, a whole number above zero
 */
export function informationOf(total: number | bigint, count: number | bigint): number {
  const n = BigInt(total);
  const c = BigInt(count);
  if (c < 1n || n < c) throw new Error(`Information needs 1 <= count <= total, not ${c} of ${n}.`);

  let wholeBits = n.toString(2).length - c.toString(2).length;
  if (c << BigInt(wholeBits) > n) wholeBits -= 1;
  const base = c << BigInt(wholeBits); // base <= n < 2 * base
  if (base === n) return wholeBits * INFORMATION_PER_BIT;

  for (let precision = 96n; ; precision *= 2n) {
    const fraction = fractionalBits(n, base, precision);
    if (fraction !== undefined) return wholeBits * INFORMATION_PER_BIT + fraction;
  }
}

/** Occurrences of each word in a body of text. Symbols are not counted: only words carry information. */
export type UnigramTable = {
  readonly words: typeof WORDS_VERSION;
  readonly total: number;
  readonly counts: ReadonlyMap<string, number>;
};

/**
 * Counts words, those of copies once (`copied-tokens.ts`): or whoever sends others' texts again would make their words common,
 * and his own say more.
 *
 * @param texts in the order of the snapshot
 */
export function unigramTable(texts: Iterable<string>): UnigramTable {
  const numbers = new Map<string, number>();
  const copiedIn = createCopyFinder();
  const counts = new Map<string, number>();
  let total = 0;
  for (const text of texts) {
    const words = cutWords(text);
    const tokens = new Int32Array(words.count);
    for (let i = 0; i < words.count; i++) {
      const token = tokenAt(words, i);
      const number = numbers.get(token) ?? numbers.size;
      numbers.set(token, number);
      tokens[i] = number;
    }
    const copied = copiedIn(tokens);
    for (let i = 0; i < words.count; i++) {
      if (!words.wordFlags[i] || copied[i]) continue;
      const word = tokenAt(words, i);
      counts.set(word, (counts.get(word) ?? 0) + 1);
      total += 1;
    }
  }
  return { words: WORDS_VERSION, total, counts };
}

/** The table of several snapshots together: counts are added. */
export function sumUnigramTables(tables: readonly UnigramTable[]): UnigramTable {
  if (tables.length === 1) return tables[0];
  const counts = new Map<string, number>();
  for (const table of tables) {
    for (const [word, count] of table.counts) counts.set(word, (counts.get(word) ?? 0) + count);
  }
  return {
    words: WORDS_VERSION,
    total: tables.reduce((sum, table) => sum + table.total, 0),
    counts,
  };
}

/** The form that is stored and hashed: words in the order of their UTF-16 code units, each with its count. */
export type UnigramDocument = {
  readonly words: typeof WORDS_VERSION;
  readonly total: number;
  readonly counts: readonly (readonly [word: string, count: number])[];
};

export const unigramDocument = ({ words, total, counts }: UnigramTable): UnigramDocument => ({
  words,
  total,
  counts: [...counts].sort(([a], [b]) => (a < b ? -1 : 1)),
});

/** SHA-256 of the table's canonical document, lower-case hex. */
export const unigramTableHash = (table: UnigramTable): string =>
  canonicalHash(unigramDocument(table));

/**
 * Prepares the information of words under a table, in 1/65,536 bits.
 *
 * A word that the table lacks counts as seen once; under an empty table every word says nothing.
 */
export function informationIn({ total, counts }: UnigramTable): (word: string) => number {
  const byCount = new Map<number, number>();
  return (word) => {
    if (total === 0) return 0;
    const count = counts.get(word) ?? 1;
    let information = byCount.get(count);
    if (information === undefined) {
      information = informationOf(total, count);
      byCount.set(count, information);
    }
    return information;
  };
}

/** 16 bits of log2(n / base) after the point, or undefined when `precision` bits cannot decide one of them. */
function fractionalBits(n: bigint, base: bigint, precision: bigint): number | undefined {
  const two = 2n << precision;
  let low = (n << precision) / base; // 1 <= low <= n / base <= high < 2, scaled by 2^precision
  let high = low + 1n;
  let bits = 0;
  for (let i = 0; i < 16; i++) {
    low = (low * low) >> precision;
    high = ((high * high) >> precision) + 1n;
    bits *= 2;
    if (low >= two) {
      bits += 1;
      low >>= 1n;
      high = (high >> 1n) + 1n;
    } else if (high >= two) {
      return undefined;
    }
  }
  return bits;
}
