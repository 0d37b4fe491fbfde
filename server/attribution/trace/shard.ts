/**
 * One shard of a trace index: some 16 million characters of records, as one sequence of symbols under a suffix array.
 *
 * A symbol stands for a token together with the white space after it. Symbols are numbered by token first and white
 * space second, so all symbols of a token are neighbours, and the order of suffixes is the order of the interleaved
 * rows token, space, token, space... A run of tokens with the white space inside it is then a prefix: whole symbols,
 * and after them one token with any white space. Symbol 0 ends each record and is part of no pattern.
 */
import {
  cutWords,
  firstAtLeast,
  gapAfter,
  type TraceRecord,
  tokenAt,
  type Words,
} from '@openledger/protocol';
import {
  insertionRank,
  narrow,
  type RankRange,
  type SuffixIndex,
  suffixIndex,
} from '../../compute/matches.ts';

export type TraceShard = {
  readonly hashes: readonly string[];
  /** Where each record's symbols begin, [records + 1]. */
  readonly firsts: Int32Array;
  /** The offset of each symbol's token in its record's text, UTF-16. */
  readonly offsets: Int32Array;
  readonly tokens: number;
  readonly symbols: Symbols;
  readonly index: SuffixIndex;
};

/** Symbol s (from 1) stands for the pair whose key is keys[s - 1]: token number * gaps.size + gap number. */
type Symbols = {
  readonly tokens: ReadonlyMap<string, number>;
  readonly gaps: ReadonlyMap<string, number>;
  /** Ascending. */
  readonly keys: Float64Array;
};

/** An output in a shard's symbols, one entry a token. */
type Query = {
  /** The token with the white space after it; halfway past its token's symbols where that pair is unknown, -1 where the token is. */
  readonly pattern: Float64Array;
  /** The token with any white space: from `low` up to but not including `high`. */
  readonly low: Int32Array;
  readonly high: Int32Array;
};

/** Says whether the record with this number may be found. */
export type Allows = (record: number) => boolean;

export function buildShard(records: readonly TraceRecord[]): TraceShard {
  const texts = records.map((record) => cutWords(record.text));
  const firsts = new Int32Array(records.length + 1);
  for (const [i, words] of texts.entries()) firsts[i + 1] = firsts[i] + words.count + 1;
  const length = firsts[records.length];

  const offsets = new Int32Array(length);
  const tokenNumbers = new Int32Array(length).fill(-1);
  const gapNumbers = new Int32Array(length);
  const tokens = new Map<string, number>();
  const gaps = new Map<string, number>();
  for (const [i, words] of texts.entries()) {
    for (let k = 0; k < words.count; k++) {
      offsets[firsts[i] + k] = words.starts[k];
      tokenNumbers[firsts[i] + k] = numberOf(tokenAt(words, k), tokens);
      gapNumbers[firsts[i] + k] = numberOf(gapAfter(words, k), gaps);
    }
  }

  const keyAt = (at: number) => tokenNumbers[at] * gaps.size + gapNumbers[at];
  const symbolOf = new Map<number, number>();
  for (let at = 0; at < length; at++) if (tokenNumbers[at] >= 0) symbolOf.set(keyAt(at), 0);
  const keys = Float64Array.from(symbolOf.keys()).sort();
  for (const [i, key] of keys.entries()) symbolOf.set(key, i + 1);
  const symbols = new Int32Array(length);
  for (let at = 0; at < length; at++) {
    if (tokenNumbers[at] >= 0) symbols[at] = symbolOf.get(keyAt(at)) ?? 0;
  }
  return {
    hashes: records.map((record) => record.hash),
    firsts,
    offsets,
    tokens: length - records.length,
    symbols: { tokens, gaps, keys },
    index: suffixIndex(symbols, keys.length + 1),
  };
}

export function queryOf({ symbols: { tokens, gaps, keys } }: TraceShard, output: Words): Query {
  const pattern = new Float64Array(output.count).fill(-1);
  const low = new Int32Array(output.count);
  const high = new Int32Array(output.count);
  for (let i = 0; i < output.count; i++) {
    const token = tokens.get(tokenAt(output, i));
    if (token === undefined) continue;
    low[i] = firstAtLeast(keys, token * gaps.size) + 1;
    high[i] = firstAtLeast(keys, (token + 1) * gaps.size) + 1;
    const gap = gaps.get(gapAfter(output, i));
    const symbol = gap === undefined ? 0 : firstAtLeast(keys, token * gaps.size + gap);
    const isKnown = gap !== undefined && keys[symbol] === token * gaps.size + gap;
    pattern[i] = isKnown ? symbol + 1 : high[i] - 0.5;
  }
  return { pattern, low, high };
}

/**
 * How many tokens the longest run from output token `from` has that stands in an allowed record; 0 below `least`.
 *
 * The neighbours of the output's place in the order share most with it. Where they are not allowed, the search goes on
 * outwards, where runs only get shorter, until one is allowed or too short.
 */
export function longestRun(
  shard: TraceShard,
  query: Query,
  from: number,
  { least, allows }: { readonly least: number; readonly allows?: Allows },
): number {
  if (query.pattern[from] < 0) return 0;
  const { suffixes } = shard.index;
  const rank = insertionRank(shard.index, query.pattern, from);
  let longest = 0;
  for (const step of [-1, 1]) {
    for (let at = step < 0 ? rank - 1 : rank; at >= 0 && at < suffixes.length; at += step) {
      const length = sharedTokens(shard, query, from, suffixes[at]);
      if (length < least || length <= longest) break;
      if (allows && !allows(recordAt(shard, suffixes[at]))) continue;
      longest = length;
      break;
    }
  }
  return longest;
}

/** The ranks of the places where tokens from..to of the output stand, with the white space inside. */
export function ranksOf(shard: TraceShard, query: Query, from: number, to: number): RankRange {
  let range: RankRange = { from: 0, to: shard.index.suffixes.length };
  for (let i = from; i < to && range.from < range.to; i++) {
    const [low, high] =
      i === to - 1
        ? [query.low[i], query.high[i]]
        : [query.pattern[i], Math.floor(query.pattern[i]) + 1];
    range = narrow(shard.index, range, i - from, low, high);
  }
  return range;
}

/**
 * The ranks of the places where the output's tokens stand one after the other, whatever the white space.
 *
 * Inside a range the symbols of one token lie together, one part for each white space that follows it: each part is
 * followed on its own.
 */
export function ranksOfTokens(shard: TraceShard, query: Query): readonly RankRange[] {
  let ranges: readonly RankRange[] = [{ from: 0, to: shard.index.suffixes.length }];
  const last = query.pattern.length - 1;
  for (let i = 0; i <= last; i++) {
    ranges = ranges.flatMap((range) => {
      const ofToken = narrow(shard.index, range, i, query.low[i], query.high[i]);
      return i === last ? [ofToken] : partsOf(shard, ofToken, i);
    });
  }
  return ranges.filter(({ from, to }) => from < to);
}

/** The number of the record that a position of the shard lies in. */
export function recordAt({ firsts }: TraceShard, position: number): number {
  let low = 0;
  let high = firsts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (firsts[middle] <= position) low = middle;
    else high = middle;
  }
  return low;
}

/** Tokens that the output from `from` and the shard from `position` share: whole symbols, and one token more. */
function sharedTokens({ index }: TraceShard, query: Query, from: number, position: number): number {
  const { symbols } = index;
  let length = 0;
  while (symbols[position + length] === query.pattern[from + length]) length++;
  const next = symbols[position + length];
  return next >= query.low[from + length] && next < query.high[from + length] ? length + 1 : length;
}

/** Splits a range whose suffixes agree before `depth` by the symbol they have there. */
function partsOf(shard: TraceShard, range: RankRange, depth: number): RankRange[] {
  const parts: RankRange[] = [];
  for (let from = range.from; from < range.to; ) {
    const symbol = shard.index.symbols[shard.index.suffixes[from] + depth];
    const part = narrow(shard.index, { from, to: range.to }, depth, symbol, symbol + 1);
    parts.push(part);
    from = part.to;
  }
  return parts;
}

function numberOf(text: string, numbers: Map<string, number>): number {
  let number = numbers.get(text);
  if (number === undefined) {
    number = numbers.size;
    numbers.set(text, number);
  }
  return number;
}
