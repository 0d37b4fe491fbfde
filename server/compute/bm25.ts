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
import {
  createIndexBuilder,
  type InvertedIndex,
  MOST_DOCUMENTS,
  termFrequencies,
} from './inverted-index.ts';

const K1 = 1.2;
const B = 0.75;
const WINDOW = 4096;
/** Sums of bounds are rounded too: what is within this factor is still scored. */
const SLACK = 1 + 1e-9;

/** A document by its number, from 0 in the order of segments and of their additions. */
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
  const segments: Bm25Segment[] = [];
  let builder = createIndexBuilder();
  for (const text of texts) {
    builder.add(text);
    if (builder.size() < MOST_DOCUMENTS) continue;
    segments.push(prepareSegment(builder.build()));
    builder = createIndexBuilder();
  }
  return createBm25([...segments, prepareSegment(builder.build())]);
}

export type Bm25Segment = {
  readonly index: InvertedIndex;
  readonly totalLength: number;
  /** For each term the greatest f (k1 + 1) / (f + norm) of its postings, by the segment's own average length. */
  readonly bounds: Float64Array;
};

export function prepareSegment(index: InvertedIndex): Bm25Segment {
  const { documents, frequencies, offsets, lengths } = index;
  const totalLength = lengths.reduce((sum, length) => sum + length, 0);
  const norms = normsOf(lengths, totalLength / lengths.length);
  const bounds = new Float64Array(offsets.length - 1);
  for (let term = 0; term < bounds.length; term++) {
    for (let at = offsets[term]; at < offsets[term + 1]; at++) {
      const bound = (frequencies[at] * (K1 + 1)) / (frequencies[at] + norms[documents[at]]);
      if (bound > bounds[term]) bounds[term] = bound;
    }
  }
  return { index, totalLength, bounds };
}

/** A term of a query in a segment: its postings, what it can add at most, and how far the search has read it. */
type Cursor = {
  readonly idf: number;
  readonly bound: number;
  readonly end: number;
  at: number;
};

/** One ranking over all segments: how rare a term is, and how long a document usually is, is asked of all of them. */
export function createBm25(segments: readonly Bm25Segment[]): Bm25 {
  const size = segments.reduce((sum, { index }) => sum + index.lengths.length, 0);
  const averageLength = segments.reduce((sum, { totalLength }) => sum + totalLength, 0) / size;
  const norms = segments.map(({ index }) => normsOf(index.lengths, averageLength));
  const scores = new Float64Array(WINDOW);

  function idfsOf(query: string): ReadonlyMap<string, number> {
    const idfs = new Map<string, number>();
    for (const term of termFrequencies(query).keys()) {
      let found = 0;
      for (const { index } of segments) {
        const t = index.termOf.get(term);
        if (t !== undefined) found += index.offsets[t + 1] - index.offsets[t];
      }
      if (found > 0) idfs.set(term, Math.log(1 + (size - found + 0.5) / (found + 0.5)));
    }
    return idfs;
  }

  function search(query: string, { limit, filter }: SearchOptions): Hit[] {
    const hits: Hit[] = [];
    if (limit < 1) return hits;
    const idfs = idfsOf(query);
    let base = 0;
    for (const [i, segment] of segments.entries()) {
      const cursors = cursorsOf(segment, idfs, averageLength);
      scan({ segment, cursors, norms: norms[i], scores, base }, { hits, limit, filter });
      base += segment.index.lengths.length;
    }
    return hits.sort((a, b) => (isBetter(a, b) ? -1 : 1));
  }

  return { search, size };
}

/** The part of the formula's divisor that the term does not change. */
const normsOf = (lengths: Uint32Array, averageLength: number): Float64Array =>
  Float64Array.from(lengths, (length) => K1 * (1 - B + (B * length) / averageLength));

/** The term that can add most is first. */
function cursorsOf(
  { index, bounds, totalLength }: Bm25Segment,
  idfs: ReadonlyMap<string, number>,
  averageLength: number,
): Cursor[] {
  // Documents that are longer elsewhere make these seem shorter, and their scores greater by this factor at most.
  const longer = Math.max(1, averageLength / (totalLength / index.lengths.length));
  const cursors: Cursor[] = [];
  for (const [term, idf] of idfs) {
    const t = index.termOf.get(term);
    if (t === undefined) continue;
    const bound = idf * Math.min(K1 + 1, bounds[t] * longer);
    cursors.push({ idf, bound, end: index.offsets[t + 1], at: index.offsets[t] });
  }
  return cursors.sort((a, b) => b.bound - a.bound);
}

type Scanned = {
  readonly segment: Bm25Segment;
  readonly cursors: readonly Cursor[];
  readonly norms: Float64Array;
  /** All zero before and after. */
  readonly scores: Float64Array; // [WINDOW]
  /** The number of its first document. */
  readonly base: number;
};

/** Adds what the segment holds to the best hits so far. */
function scan(
  { segment, cursors, norms, scores, base }: Scanned,
  { hits, limit, filter }: SearchOptions & { readonly hits: Hit[] },
): void {
  const { documents, frequencies, lengths } = segment.index;
  const rest = suffixSums(cursors); // rest[i]: what the terms from i on can add together
  const least = () => (hits.length < limit ? 0 : hits[0].score);
  for (let from = 0; from < lengths.length; from += WINDOW) {
    let essential = cursors.length; // the first terms, without which nothing gets in
    while (essential > 0 && rest[essential - 1] * SLACK < least()) essential -= 1;
    if (essential === 0) return;

    for (let i = 0; i < essential; i++) {
      const cursor = cursors[i];
      const weight = cursor.idf * (K1 + 1);
      let { at } = cursor;
      for (; at < cursor.end && documents[at] < from + WINDOW; at++) {
        const frequency = frequencies[at];
        scores[documents[at] - from] += (weight * frequency) / (frequency + norms[documents[at]]);
      }
      cursor.at = at;
    }
    for (let k = 0; k < WINDOW; k++) {
      let score = scores[k];
      if (score === 0) continue;
      scores[k] = 0;
      const document = from + k;
      const worst = least();
      if ((score + rest[essential]) * SLACK < worst || (filter && !filter(base + document)))
        continue;
      let i = essential;
      for (; i < cursors.length && (score + rest[i]) * SLACK >= worst; i++) {
        const cursor = cursors[i];
        cursor.at = seek(documents, cursor, document);
        if (cursor.at < cursor.end && documents[cursor.at] === document) {
          const frequency = frequencies[cursor.at];
          score += (cursor.idf * (K1 + 1) * frequency) / (frequency + norms[document]);
        }
      }
      if (i === cursors.length) keepBest(hits, { document: base + document, score }, limit);
    }
  }
}

function suffixSums(cursors: readonly Cursor[]): Float64Array {
  const sums = new Float64Array(cursors.length + 1);
  for (let i = cursors.length - 1; i >= 0; i--) sums[i] = sums[i + 1] + cursors[i].bound;
  return sums;
}

/** The first posting from the cursor on whose document is not before this one, by doubling steps and halving. */
function seek(documents: Uint16Array, { at, end }: Cursor, document: number): number {
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

export const isBetter: Before<Hit> = (a, b) =>
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
