/**
 * Builds what a shard is made of: some 16 million characters of records, as one sequence of symbols under a suffix array.
 *
 * A symbol stands for a token together with the white space after it. Symbols are numbered by token first and white
 * space second, so all symbols of a token are neighbours, and the order of suffixes is the order of the interleaved
 * rows token, space, token, space... A run of tokens with the white space inside it is then a prefix: whole symbols,
 * and after them one token with any white space. Symbol 0 ends each record and is part of no pattern.
 */

import { cutWords, gapEnd, type TraceRecord } from '@openledger/protocol';
import { doubled } from '../../compute/doubled.ts';
import { addGram, createGramFilter, type GramFilter } from '../../compute/gram-filter.ts';
import { createPairTable } from '../../compute/pair-table.ts';
import { suffixArray } from '../../compute/suffix-array.ts';
import { createTextTable, hashText, type TextTable } from '../../compute/text-table.ts';
import { GRAM_TOKENS, gramHash, pairHash } from './grams.ts';

export type ShardColumns = {
  readonly hashes: readonly string[];
  /** Where each record's symbols begin, [records + 1]. */
  readonly firsts: Int32Array;
  /** The offset in its record's text of the token at each position that `MARK_EVERY` divides, UTF-16. */
  readonly marks: Int32Array;
  /** Distinct tokens, and distinct white space between them, by their numbers. */
  readonly tokens: readonly string[];
  readonly gaps: readonly string[];
  /** Symbol s (from 1) stands for token pairTokens[s - 1] with white space pairGaps[s - 1]; ascending. */
  readonly pairTokens: Int32Array;
  readonly pairGaps: Int32Array;
  /** Every row of `GRAM_TOKENS` tokens inside a record. */
  readonly filter: GramFilter;
  readonly symbols: Int32Array;
  readonly suffixes: Int32Array;
};

/** Positions from one mark to the next: what has to be cut again to find where a token stands in its text. */
export const MARK_EVERY = 128;

export function buildColumns(records: readonly TraceRecord[]): ShardColumns {
  const tokens = createTextTable();
  const gaps = createTextTable();
  const pairs = createPairTable();
  const firsts = new Int32Array(records.length + 1);
  const marks: number[] = [];
  let row = new Int32Array(1 << 16); // the pair at each position, -1 after each record
  for (const [i, { text }] of records.entries()) {
    const words = cutWords(text);
    const first = firsts[i];
    firsts[i + 1] = first + words.count + 1;
    while (row.length < firsts[i + 1]) row = doubled(row);
    for (let k = 0; k < words.count; k++) {
      const token = tokens.numberOf(text, words.starts[k], words.ends[k]);
      const gap = gaps.numberOf(text, words.ends[k], gapEnd(words, k));
      row[first + k] = pairs.numberOf(token, gap);
      if ((first + k) % MARK_EVERY === 0) marks.push(words.starts[k]);
    }
    row[first + words.count] = -1;
    if ((first + words.count) % MARK_EVERY === 0) marks.push(0);
  }
  const length = firsts[records.length];
  const { pairTokens, pairGaps, order } = sortPairs(pairs.pairs(), tokens.size());
  const texts = { tokens: textsIn(tokens), gaps: textsIn(gaps) };
  const filter = filterOf(row.subarray(0, length), { ...pairs.pairs(), ...texts });
  const symbols = new Int32Array(length);
  for (let at = 0; at < length; at++) symbols[at] = row[at] < 0 ? 0 : order[row[at]] + 1;
  return {
    hashes: records.map((record) => record.hash),
    ...{ firsts, marks: Int32Array.from(marks), pairTokens, pairGaps, filter, symbols },
    ...texts,
    suffixes: suffixArray(symbols, pairTokens.length + 1),
  };
}

const textsIn = (table: TextTable): readonly string[] =>
  Array.from({ length: table.size() }, (_, number) => table.textAt(number));

const hashesOf = (texts: readonly string[]): Int32Array =>
  Int32Array.from(texts, (text) => hashText(text, 0, text.length));

type Pairs = { readonly firsts: Int32Array; readonly seconds: Int32Array };

/** @returns the pairs by token and then by white space, and the place of each in that order */
function sortPairs({ firsts, seconds }: Pairs, tokens: number) {
  const count = firsts.length;
  const begins = new Int32Array(tokens + 1);
  for (let pair = 0; pair < count; pair++) begins[firsts[pair] + 1]++;
  for (let token = 0; token < tokens; token++) begins[token + 1] += begins[token];
  const sorted = new Int32Array(count);
  const nexts = begins.slice();
  for (let pair = 0; pair < count; pair++) sorted[nexts[firsts[pair]]++] = pair;
  for (let token = 0; token < tokens; token++) {
    if (begins[token + 1] - begins[token] < 2) continue;
    sorted.subarray(begins[token], begins[token + 1]).sort((a, b) => seconds[a] - seconds[b]);
  }
  const order = new Int32Array(count);
  for (let place = 0; place < count; place++) order[sorted[place]] = place;
  return {
    pairTokens: sorted.map((pair) => firsts[pair]),
    pairGaps: sorted.map((pair) => seconds[pair]),
    order,
  };
}

function filterOf(
  row: Int32Array,
  {
    firsts,
    seconds,
    tokens,
    gaps,
  }: Pairs & { readonly tokens: readonly string[]; readonly gaps: readonly string[] },
): GramFilter {
  const tokenHashes = hashesOf(tokens);
  const gapHashes = hashesOf(gaps);
  const hashes = new Int32Array(firsts.length);
  for (let pair = 0; pair < hashes.length; pair++) {
    hashes[pair] = pairHash(tokenHashes[firsts[pair]], gapHashes[seconds[pair]]);
  }
  const filter = createGramFilter(row.length);
  let inside = 0; // tokens of the record up to here
  for (let at = 0; at < row.length; at++) {
    inside = row[at] < 0 ? 0 : inside + 1;
    if (inside < GRAM_TOKENS) continue;
    const [a, b, c] = [row[at - 3], row[at - 2], row[at - 1]];
    addGram(filter, gramHash(hashes[a], hashes[b], hashes[c], tokenHashes[firsts[row[at]]]));
  }
  return filter;
}
