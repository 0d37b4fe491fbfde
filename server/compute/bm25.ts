/**
 * Full-text search with an inverted index, ranked by BM25.
 *
 * Source: Robertson, Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; k1 = 1.2, b = 0.75, and
 * the idf that is never negative, ln(1 + (N - n + 1/2) / (n + 1/2)). Terms are the words of `words-1` in lower case.
 *
 * A query touches only the postings of its own terms. A withdrawn record is gone at once and from the statistics too:
 * results are those of an index that never held it.
 */
import { cutWords, tokenAt } from '@openledger/protocol';
import { type Before, popHeap, pushHeap } from './heap.ts';

const K1 = 1.2;
const B = 0.75;

export type Bm25Hit = { readonly id: string; readonly score: number };

export type Bm25 = {
  /** Adds a record; an id that is there already, or was withdrawn, is a mistake of the caller. */
  readonly add: (id: string, text: string) => void;
  /** @returns whether the record was there */
  readonly withdraw: (id: string) => boolean;
  /** The best records that hold at least one term of the query, best first; equal scores in the order of ids. */
  readonly search: (query: string, options: SearchOptions) => Bm25Hit[];
  /** Records that can be found. */
  readonly size: () => number;
};

export type SearchOptions = {
  readonly limit: number;
  /** Records for which this is false are passed over. */
  readonly filter?: (id: string) => boolean;
};

type Entry = {
  readonly id: string;
  readonly length: number;
  readonly terms: readonly Postings[];
  isWithdrawn: boolean;
};

/** Where a term occurs: entry numbers, how often in each, and in how many that are not withdrawn. */
type Postings = { readonly entries: number[]; readonly frequencies: number[]; found: number };

export function createBm25(): Bm25 {
  const entries: Entry[] = [];
  const numberOf = new Map<string, number>();
  const index = new Map<string, Postings>();
  let live = 0;
  let liveLength = 0;

  function add(id: string, text: string): void {
    if (numberOf.has(id)) throw new Error(`The search index has held ${id} before.`);
    const frequencies = termFrequencies(text);
    const terms: Postings[] = [];
    let length = 0;
    for (const [term, frequency] of frequencies) {
      const postings = index.get(term) ?? { entries: [], frequencies: [], found: 0 };
      index.set(term, postings);
      postings.entries.push(entries.length);
      postings.frequencies.push(frequency);
      postings.found += 1;
      terms.push(postings);
      length += frequency;
    }
    numberOf.set(id, entries.length);
    entries.push({ id, length, terms, isWithdrawn: false });
    live += 1;
    liveLength += length;
  }

  function withdraw(id: string): boolean {
    const entry = entries[numberOf.get(id) ?? -1];
    if (!entry || entry.isWithdrawn) return false;
    entry.isWithdrawn = true;
    for (const postings of entry.terms) postings.found -= 1;
    live -= 1;
    liveLength -= entry.length;
    return true;
  }

  function search(query: string, { limit, filter }: SearchOptions): Bm25Hit[] {
    const scores = new Map<number, number>();
    for (const term of termFrequencies(query).keys()) {
      const postings = index.get(term);
      if (!postings) continue;
      const idf = Math.log(1 + (live - postings.found + 0.5) / (postings.found + 0.5));
      for (const [k, number] of postings.entries.entries()) {
        const { length, isWithdrawn } = entries[number];
        if (isWithdrawn) continue;
        const frequency = postings.frequencies[k];
        const norm = K1 * (1 - B + (B * length * live) / liveLength);
        const score = (idf * frequency * (K1 + 1)) / (frequency + norm);
        scores.set(number, (scores.get(number) ?? 0) + score);
      }
    }
    const hits: Bm25Hit[] = [];
    for (const [number, score] of scores) {
      const { id } = entries[number];
      if (!filter || filter(id)) keepBest(hits, { id, score }, limit);
    }
    return hits.sort((a, b) => (isBetter(a, b) ? -1 : 1));
  }

  return { add, withdraw, search, size: () => live };
}

/** A text's terms in order of appearance, with how often each occurs. */
function termFrequencies(text: string): Map<string, number> {
  const frequencies = new Map<string, number>();
  const words = cutWords(text);
  for (let i = 0; i < words.count; i++) {
    if (!words.wordFlags[i]) continue;
    const term = tokenAt(words, i).toLowerCase();
    frequencies.set(term, (frequencies.get(term) ?? 0) + 1);
  }
  return frequencies;
}

const isBetter: Before<Bm25Hit> = (a, b) =>
  a.score > b.score || (a.score === b.score && a.id < b.id);
const isWorse: Before<Bm25Hit> = (a, b) => isBetter(b, a);

/** Keeps the `limit` best hits in a heap whose first item is the worst of them. */
function keepBest(hits: Bm25Hit[], hit: Bm25Hit, limit: number): void {
  if (hits.length >= limit) {
    if (limit === 0 || isBetter(hits[0], hit)) return;
    popHeap(hits, isWorse);
  }
  pushHeap(hits, hit, isWorse);
}
