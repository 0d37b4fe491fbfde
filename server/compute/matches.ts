/**
 * Searching a sequence through its suffix array: where a pattern stands, how often, and how far it can be followed.
 *
 * Suffixes that share a prefix stand at neighbouring ranks, so every answer is a range of ranks, found by halving.
 */
import { bucketHeads, suffixArray } from './suffix-array.ts';

/** A sequence and its suffix array, wherever they lie: in arrays, or in pages of a file. */
export type SuffixIndex = {
  /** How many symbols, and suffixes. */
  readonly length: number;
  /** Past the end it answers what is neither equal to any symbol nor below or above one: undefined or NaN. */
  readonly symbolAt: (position: number) => number;
  /** The start of the suffix at a rank. */
  readonly suffixAt: (rank: number) => number;
  /** The first rank of each symbol's suffixes, [alphabetSize + 1]. */
  readonly heads: Int32Array;
};

/** Ranks `from` up to but not including `to`. */
export type RankRange = { readonly from: number; readonly to: number };

/**
 * What is searched for. A number between two symbols matches nothing but has a place in the order.
 */
export type Pattern = Int32Array | Float64Array | readonly number[];

export const suffixIndex = (symbols: Int32Array, alphabetSize: number): SuffixIndex =>
  indexOfArrays({
    ...{ symbols, suffixes: suffixArray(symbols, alphabetSize) },
    heads: bucketHeads(symbols, alphabetSize),
  });

export const indexOfArrays = ({
  symbols,
  suffixes,
  heads,
}: {
  readonly symbols: Int32Array;
  readonly suffixes: Int32Array;
  readonly heads: Int32Array;
}): SuffixIndex => ({
  length: symbols.length,
  symbolAt: (position) => symbols[position],
  suffixAt: (rank) => suffixes[rank],
  heads,
});

/** How many times the pattern occurs, overlapping ones each. The empty pattern occurs before every symbol. */
export function count(index: SuffixIndex, pattern: Pattern): number {
  const { from, to } = find(index, pattern);
  return to - from;
}

/** The positions of all occurrences, ascending. */
export function locate(index: SuffixIndex, pattern: Pattern): Int32Array {
  const { from, to } = find(index, pattern);
  return Int32Array.from({ length: to - from }, (_, i) => index.suffixAt(from + i)).sort();
}

/** The ranks of all suffixes that begin with pattern[from..to). */
export function find(
  index: SuffixIndex,
  pattern: Pattern,
  from = 0,
  to = pattern.length,
): RankRange {
  let range: RankRange = { from: 0, to: index.length };
  for (let i = from; i < to && range.from < range.to; i++) {
    range = narrow(index, range, i - from, pattern[i], Math.floor(pattern[i]) + 1);
  }
  return range;
}

/**
 * Of suffixes that share their first `depth` symbols, those whose next symbol s has low <= s < high.
 *
 * @param range all its suffixes agree in their first `depth` symbols
 */
export function narrow(
  index: SuffixIndex,
  range: RankRange,
  depth: number,
  low: number,
  high: number,
): RankRange {
  if (depth === 0 && range.from === 0 && range.to === index.length) {
    return wholeBuckets(index, low, high);
  }
  const from = firstAtLeast(index, range, depth, low);
  return { from, to: firstAtLeast(index, { from, to: range.to }, depth, high) };
}

/** The longest beginning of pattern[from..] that occurs, and one position where it does. */
export function longestMatch(index: SuffixIndex, pattern: Pattern, from = 0) {
  const rank = insertionRank(index, pattern, from);
  let best = { length: 0, position: -1 };
  for (const neighbour of [rank - 1, rank]) {
    if (neighbour < 0 || neighbour >= index.length) continue;
    const position = index.suffixAt(neighbour);
    const length = commonPrefix(index, position, pattern, from);
    if (length > best.length) best = { length, position };
  }
  return best;
}

/**
 * The number of suffixes that come before pattern[from..].
 *
 * The suffixes on both sides of this rank share the longest prefixes with the pattern; going away from it on either
 * side, the shared prefix never grows again. What both ends of the searched range share is not compared again
 * (Manber, Myers, "Suffix Arrays: A New Method for On-Line String Searches", 1993).
 */
export function insertionRank(index: SuffixIndex, pattern: Pattern, from = 0): number {
  const { symbolAt, suffixAt, heads } = index;
  const length = pattern.length - from;
  if (length === 0) return 0;
  const first = pattern[from];
  const known = Number.isInteger(first) && first >= 0 && first + 1 < heads.length;
  let low = known ? heads[first] : 0;
  let high = known ? heads[first + 1] : index.length;
  let sharedLow = 0;
  let sharedHigh = 0;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const start = suffixAt(middle);
    let shared = sharedLow < sharedHigh ? sharedLow : sharedHigh;
    while (shared < length && symbolAt(start + shared) === pattern[from + shared]) shared++;
    // The end of the text is the smallest.
    const isBefore =
      shared < length &&
      (start + shared >= index.length || symbolAt(start + shared) < pattern[from + shared]);
    if (isBefore) {
      low = middle + 1;
      sharedLow = shared;
    } else {
      high = middle;
      sharedHigh = shared;
    }
  }
  return low;
}

/** How many symbols pattern[from..] and the suffix at a position share. */
export function commonPrefix(
  index: SuffixIndex,
  position: number,
  pattern: Pattern,
  from = 0,
): number {
  const most = Math.min(index.length - position, pattern.length - from);
  let length = 0;
  while (length < most && index.symbolAt(position + length) === pattern[from + length]) length++;
  return length;
}

/** A search over first symbols alone needs no halving: the buckets are known. */
function wholeBuckets({ heads }: SuffixIndex, low: number, high: number): RankRange {
  const rankOf = (symbol: number) =>
    heads[Math.min(Math.max(Math.ceil(symbol), 0), heads.length - 1)];
  return { from: rankOf(low), to: rankOf(high) };
}

/** The first rank of the range whose symbol at `depth` is at least `symbol`; the end of the text is below all. */
function firstAtLeast(
  { length, symbolAt, suffixAt }: SuffixIndex,
  range: RankRange,
  depth: number,
  symbol: number,
): number {
  let { from: low, to: high } = range;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = suffixAt(middle) + depth;
    if (at >= length || symbolAt(at) < symbol) low = middle + 1;
    else high = middle;
  }
  return low;
}
