/** Searches one shard: which runs of an output stand in it, and where. `shard-columns.ts` says what it is made of. */
import { cutWords, firstAtLeast, gapEnd, type Words } from '@openledger/protocol';
import { type GramFilter, mayHaveGram } from '../../compute/gram-filter.ts';
import {
  indexOfArrays,
  insertionRank,
  narrow,
  type RankRange,
  type SuffixIndex,
} from '../../compute/matches.ts';
import { bucketHeads } from '../../compute/suffix-array.ts';
import { createTextTable, type TextTable } from '../../compute/text-table.ts';
import { GRAM_TOKENS, gramsOf } from './grams.ts';
import { MARK_EVERY, type ShardColumns } from './shard-columns.ts';

export type TraceShard = {
  readonly hashes: readonly string[];
  /** Where each record's symbols begin, [records + 1]. */
  readonly firsts: Int32Array;
  readonly marks: Int32Array;
  readonly tokens: number;
  readonly symbols: Symbols;
  readonly filter: GramFilter;
  readonly index: SuffixIndex;
  readonly textOf: (recordHash: string) => string;
};

type Symbols = {
  readonly tokens: TextTable;
  readonly gaps: TextTable;
  /** The first symbol of each token, [tokens + 1]. */
  readonly lows: Int32Array;
  /** The white space of symbol s, at s - 1; ascending for each token. */
  readonly gapOf: Int32Array;
};

/** An output in a shard's symbols, one entry a token; filled as far as it was asked for. */
export type ShardQuery = {
  readonly words: Words;
  /** For each token, one past the last token that a run from it can have here. */
  readonly reaches: Int32Array;
  readonly isFilled: Uint8Array;
  /** The token with the white space after it; halfway past its token's symbols where that pair is unknown, -1 where the token is. */
  readonly pattern: Float64Array;
  /** The token with any white space: from `low` up to but not including `high`. */
  readonly low: Int32Array;
  readonly high: Int32Array;
};

/** Says whether the record with this number may be found. */
export type Allows = (record: number) => boolean;

/** @param index where symbols and suffixes are not the columns' own arrays: in a file */
export function openShard(
  columns: Omit<ShardColumns, 'symbols' | 'suffixes'>,
  { index, textOf }: { readonly index: SuffixIndex; readonly textOf: TraceShard['textOf'] },
): TraceShard {
  const { hashes, firsts, marks, pairTokens, pairGaps, filter } = columns;
  const lows = new Int32Array(columns.tokens.length + 1);
  for (const token of pairTokens) lows[token + 1]++;
  for (let token = 0; token < columns.tokens.length; token++) lows[token + 1] += lows[token];
  for (let token = 0; token < lows.length; token++) lows[token] += 1; // symbol 0 ends records
  return {
    ...{ hashes, firsts, marks, filter, index, textOf },
    tokens: index.length - hashes.length,
    symbols: {
      ...{ tokens: tableOf(columns.tokens), gaps: tableOf(columns.gaps) },
      ...{ lows, gapOf: pairGaps },
    },
  };
}

export const indexOfColumns = ({ symbols, suffixes, pairTokens }: ShardColumns): SuffixIndex =>
  indexOfArrays({ symbols, suffixes, heads: bucketHeads(symbols, pairTokens.length + 1) });

function tableOf(texts: readonly string[]): TextTable {
  const table = createTextTable();
  for (const text of texts) table.numberOf(text, 0, text.length);
  return table;
}

export const queryOf = (shard: TraceShard, question: RunQuestion): ShardQuery => {
  const { words } = question;
  return {
    words,
    reaches: reachesOf(shard, question),
    isFilled: new Uint8Array(words.count),
    pattern: new Float64Array(words.count).fill(-1),
    low: new Int32Array(words.count),
    high: new Int32Array(words.count),
  };
};

/** Looks tokens from..to of the output up in the shard. */
function fill({ symbols }: TraceShard, query: ShardQuery, from: number, to: number): void {
  const { text, starts, ends } = query.words;
  const { tokens, gaps, lows, gapOf } = symbols;
  for (let i = from; i < to; i++) {
    if (query.isFilled[i]) continue;
    query.isFilled[i] = 1;
    const token = tokens.find(text, starts[i], ends[i]);
    if (token < 0) continue;
    const [low, high] = [lows[token], lows[token + 1]];
    query.low[i] = low;
    query.high[i] = high;
    const gap = gaps.find(text, ends[i], gapEnd(query.words, i));
    query.pattern[i] = symbolOf(gapOf, { low, high, gap });
  }
}

/** @returns the symbol of a token with this white space; halfway past the token's last one where it has none */
function symbolOf(
  gapOf: Int32Array,
  { low, high, gap }: { readonly low: number; readonly high: number; readonly gap: number },
): number {
  let [from, to] = [low, high];
  while (gap >= 0 && from < to) {
    const middle = (from + to) >>> 1;
    if (gapOf[middle - 1] < gap) from = middle + 1;
    else to = middle;
  }
  return gap >= 0 && from < high && gapOf[from - 1] === gap ? from : high - 0.5;
}

/** What a trace asks of all its shards alike. */
export type RunQuestion = {
  readonly words: Words;
  /** Of the words (`gramsOf`). */
  readonly grams: Int32Array;
  /** For each token, one past the last token of the shortest run from it that is long enough; beyond the end where none is. */
  readonly ends: Int32Array;
};

/** @param minWords the fewest words of a run */
export function questionOf(words: Words, minWords: number): RunQuestion {
  const ends = new Int32Array(words.count).fill(words.count + 1);
  const places: number[] = []; // of the words from the current token on, the nearest last
  for (let from = words.count - 1; from >= 0; from--) {
    if (words.wordFlags[from]) places.push(from);
    if (places.length >= minWords) ends[from] = places[places.length - minWords] + 1;
  }
  return { words, grams: gramsOf(words), ends };
}

/**
 * Raises `longest[i]` to one past the last token of the longest run from output token i that stands in an allowed record.
 *
 * A run reaches no further than its grams are known to the filter: only where that is far enough anything is searched. A run
 * that is too short, or ends no later than one from an earlier token, may be left out.
 */
export function raiseLongest(
  shard: TraceShard,
  { words, ends }: RunQuestion,
  {
    query,
    longest,
    allows,
  }: { readonly query: ShardQuery; readonly longest: Int32Array; readonly allows?: Allows },
): void {
  const endFrom = (from: number, least: number): number => {
    fill(shard, query, from, Math.min(words.count, query.reaches[from] + 1));
    return from + longestRun(shard, query, from, { least, allows });
  };
  let reached = 0;
  for (let from = 0; from < words.count; from++) {
    const most = query.reaches[from];
    if (!words.wordFlags[from] || most < ends[from] || most <= reached) continue;
    const end = endFrom(from, Math.max(ends[from], reached + 1) - from);
    if (end > longest[from]) longest[from] = end;
    if (end <= reached) continue;
    reached = end;
    // What stands from a token on stands from the next one too: where a run ends later first is found by halving.
    let [low, high] = [from + 1, end];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const isLater =
        query.reaches[middle] > reached && endFrom(middle, reached + 1 - middle) > reached;
      if (isLater) high = middle;
      else low = middle + 1;
    }
    from = low - 1;
  }
}

/** For each token, one past the last token that a run from it can have in the shard, as far as the filter knows. */
function reachesOf({ filter }: TraceShard, { words: { count }, grams }: RunQuestion): Int32Array {
  const reaches = new Int32Array(count);
  for (let from = count - 1; from >= 0; from--) {
    if (from >= grams.length) reaches[from] = count;
    else if (!mayHaveGram(filter, grams[from])) reaches[from] = from + GRAM_TOKENS - 1;
    else reaches[from] = from + 1 < count ? Math.max(reaches[from + 1], from + GRAM_TOKENS) : count;
  }
  return reaches;
}

/**
 * How many tokens the longest run from output token `from` has that stands in an allowed record; 0 below `least`.
 *
 * The neighbours of the output's place in the order share most with it. Where they are not allowed, the search goes on
 * outwards, where runs only get shorter, until one is allowed or too short.
 */
function longestRun(
  shard: TraceShard,
  query: ShardQuery,
  from: number,
  { least, allows }: { readonly least: number; readonly allows?: Allows },
): number {
  if (query.pattern[from] < 0) return 0;
  const { length: ranks, suffixAt } = shard.index;
  const rank = insertionRank(shard.index, query.pattern, from);
  let longest = 0;
  for (const step of [-1, 1]) {
    for (let at = step < 0 ? rank - 1 : rank; at >= 0 && at < ranks; at += step) {
      const position = suffixAt(at);
      const length = sharedTokens(shard, query, from, position);
      if (length < least || length <= longest) break;
      if (allows && !allows(recordAt(shard, position))) continue;
      longest = length;
      break;
    }
  }
  return longest;
}

/** The ranks of the places where tokens from..to of the output stand, with the white space inside. */
export function ranksOf(shard: TraceShard, query: ShardQuery, from: number, to: number): RankRange {
  if (query.reaches[from] < to) return { from: 0, to: 0 };
  fill(shard, query, from, to);
  const pattern = query.pattern.slice(from, to);
  pattern[to - from - 1] = query.low[to - 1] - 0.5; // before all symbols of the last token
  const first = insertionRank(shard.index, pattern);
  pattern[to - from - 1] = query.high[to - 1] - 0.5; // behind them
  return { from: first, to: insertionRank(shard.index, pattern) };
}

/**
 * The ranks of the places where the output's tokens stand one after the other, whatever the white space.
 *
 * Inside a range the symbols of one token lie together, one part for each white space that follows it: each part is
 * followed on its own.
 */
export function ranksOfTokens(shard: TraceShard, query: ShardQuery): readonly RankRange[] {
  fill(shard, query, 0, query.words.count);
  let ranges: readonly RankRange[] = [{ from: 0, to: shard.index.length }];
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
export const recordAt = ({ firsts }: TraceShard, position: number): number =>
  firstAtLeast(firsts, position + 1) - 1;

/** Where the token at a position begins in its record's text: what lies after the last mark before it is cut again. */
export function offsetAt(shard: TraceShard, position: number): number {
  const record = recordAt(shard, position);
  const first = shard.firsts[record];
  const mark = position - (position % MARK_EVERY);
  const from =
    mark >= first
      ? { position: mark, offset: shard.marks[mark / MARK_EVERY] }
      : { position: first, offset: 0 };
  const text = shard.textOf(shard.hashes[record]);
  const wanted = position - from.position;
  for (let characters = 16 * (wanted + 1); ; characters *= 4) {
    const words = cutWords(text.slice(from.offset, from.offset + characters));
    const isWhole = from.offset + characters >= text.length;
    // A token at the end of a piece may go on behind it, but where it begins is known.
    if (words.count > wanted || isWhole) return from.offset + words.starts[wanted];
  }
}

/** Tokens that the output from `from` and the shard from `position` share: whole symbols, and one token more. */
function sharedTokens(
  { index: { symbolAt } }: TraceShard,
  query: ShardQuery,
  from: number,
  position: number,
): number {
  let length = 0;
  while (symbolAt(position + length) === query.pattern[from + length]) length++;
  const next = symbolAt(position + length);
  return next >= query.low[from + length] && next < query.high[from + length] ? length + 1 : length;
}

/** Splits a range whose suffixes agree before `depth` by the symbol they have there. */
function partsOf({ index }: TraceShard, range: RankRange, depth: number): RankRange[] {
  const parts: RankRange[] = [];
  for (let from = range.from; from < range.to; ) {
    const symbol = index.symbolAt(index.suffixAt(from) + depth);
    const part = narrow(index, { from, to: range.to }, depth, symbol, symbol + 1);
    parts.push(part);
    from = part.to;
  }
  return parts;
}
