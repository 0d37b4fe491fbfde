/**
 * Full-text search with an inverted index, ranked by BM25.
 *
 * Source: Robertson, Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; k1 = 1.2, b = 0.75, and
 * the idf that is never negative, ln(1 + (N - n + 1/2) / (n + 1/2)). Terms are the words of `words-1` in lower case.
 *
 * A query goes through the documents in windows and skips what cannot enter the best: terms whose greatest contributions
 * together do not reach the worst of the best so far are only looked up in documents that other terms have found
 * (MaxScore: Turtle, Flood, "Query evaluation: strategies and optimizations", 1995). Results are exact: pruning
 * compares upper bounds, and a document's score is always added up in the same order of terms.
 */
import { type Before, popHeap, pushHeap } from './heap.ts';
import { createIndexBuilder, type InvertedIndex, termFrequencies } from './inverted-index.ts';

const K1 = 1.2;
const B = 0.75;
const WINDOW = 4096;
/** Sums of bounds are rounded too: what is within this factor is still scored. */
const SLACK = 1 + 1e-9;

/** A document by its number, from 0 in the order of their addition. */
export type Hit = { readonly document: number; readonly score: number };

export type Bm25 = {
  /** The best documents that hold at least one term of the query, best first; equal scores in the order of documents. */
  readonly search: (query: string, options: SearchOptions) => Hit[];
  readonly size: number;
};

export type SearchOptions = {
  readonly limit: number;
  /** Documents for which this is false are passed over. */
  readonly filter?: (document: number) => boolean;
};

export function buildBm25(texts: Iterable<string>): Bm25 {
  const builder = createIndexBuilder();
  for (const text of texts) builder.add(text);
  return createBm25(builder.build());
}

/** A term of a query: its postings, what it can add at most, and how far the search has read it. */
type Cursor = {
  readonly idf: number;
  readonly bound: number;
  readonly end: number;
  at: number;
};

export function createBm25(index: InvertedIndex): Bm25 {
  const { documents, frequencies, lengths, offsets, termOf } = index;
  const size = lengths.length;
  const norms = normsOf(lengths);
  const bounds = boundsOf(index, norms);
  const scores = new Float64Array(WINDOW);

  function cursorsOf(query: string): Cursor[] {
    const cursors: Cursor[] = [];
    for (const term of termFrequencies(query).keys()) {
      const number = termOf.get(term);
      if (number === undefined) continue;
      const [at, end] = [offsets[number], offsets[number + 1]];
      const idf = Math.log(1 + (size - (end - at) + 0.5) / (end - at + 0.5));
      cursors.push({ idf, bound: idf * bounds[number], end, at });
    }
    return cursors.sort((a, b) => b.bound - a.bound);
  }

  const scoreAt = ({ idf }: Cursor, at: number): number =>
    (idf * frequencies[at] * (K1 + 1)) / (frequencies[at] + norms[documents[at]]);

  function search(query: string, { limit, filter }: SearchOptions): Hit[] {
    const cursors = cursorsOf(query);
    const hits: Hit[] = [];
    if (limit < 1) return hits;
    const rest = suffixSums(cursors); // rest[i]: what the terms from i on can add together
    for (let from = 0; from < size; from += WINDOW) {
      const worst = hits.length < limit ? 0 : hits[0].score;
      let essential = cursors.length; // the first terms, without which nothing gets in
      while (essential > 0 && rest[essential - 1] * SLACK < worst) essential -= 1;
      if (essential === 0) break;

      for (let i = 0; i < essential; i++) {
        const cursor = cursors[i];
        let { at } = cursor;
        for (; at < cursor.end && documents[at] < from + WINDOW; at++) {
          scores[documents[at] - from] += scoreAt(cursor, at);
        }
        cursor.at = at;
      }
      for (let k = 0; k < WINDOW; k++) {
        let score = scores[k];
        if (score === 0) continue;
        scores[k] = 0;
        const document = from + k;
        const least = hits.length < limit ? 0 : hits[0].score;
        if ((score + rest[essential]) * SLACK < least || (filter && !filter(document))) continue;
        let i = essential;
        for (; i < cursors.length && (score + rest[i]) * SLACK >= least; i++) {
          const cursor = cursors[i];
          cursor.at = seek(documents, cursor, document);
          if (cursor.at < cursor.end && documents[cursor.at] === document) {
            score += scoreAt(cursor, cursor.at);
          }
        }
        if (i === cursors.length) keepBest(hits, { document, score }, limit);
      }
    }
    return hits.sort((a, b) => (isBetter(a, b) ? -1 : 1));
  }

  return { search, size };
}

/** The part of the formula's divisor that the term does not change. */
function normsOf(lengths: Uint32Array): Float64Array {
  const average = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  return Float64Array.from(lengths, (length) => K1 * (1 - B + (B * length) / average));
}

/** For each term the greatest f (k1 + 1) / (f + norm) of its postings. */
function boundsOf(
  { documents, frequencies, offsets }: InvertedIndex,
  norms: Float64Array,
): Float64Array {
  const bounds = new Float64Array(offsets.length - 1);
  for (let term = 0; term < bounds.length; term++) {
    for (let at = offsets[term]; at < offsets[term + 1]; at++) {
      const bound = (frequencies[at] * (K1 + 1)) / (frequencies[at] + norms[documents[at]]);
      if (bound > bounds[term]) bounds[term] = bound;
    }
  }
  return bounds;
}

function suffixSums(cursors: readonly Cursor[]): Float64Array {
  const sums = new Float64Array(cursors.length + 1);
  for (let i = cursors.length - 1; i >= 0; i--) sums[i] = sums[i + 1] + cursors[i].bound;
  return sums;
}

/** The first posting from the cursor on whose document is not before this one, by doubling steps and halving. */
function seek(documents: Uint32Array, { at, end }: Cursor, document: number): number {
  let step = 1;
  let low = at;
  while (low + step < end && documents[low + step] < document) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, end);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (documents[middle] < document) low = middle + 1;
    else high = middle;
  }
  return low;
}

const isBetter: Before<Hit> = (a, b) =>
  a.score > b.score || (a.score === b.score && a.document < b.document);
const isWorse: Before<Hit> = (a, b) => isBetter(b, a);

/** Keeps the `limit` best hits in a heap whose first item is the worst of them. */
export function keepBest(hits: Hit[], hit: Hit, limit: number): void {
  if (hits.length >= limit) {
    if (limit === 0 || isBetter(hits[0], hit)) return;
    popHeap(hits, isWorse);
  }
  pushHeap(hits, hit, isWorse);
}
