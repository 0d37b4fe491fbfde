/** BM25 as one writes it first: a map of maps, every document that holds a word of the query scored. */
import { termFrequencies } from '../../../server/compute/inverted-index.ts';

export function plainBm25(texts: readonly string[]) {
  const postings = new Map<string, Map<number, number>>();
  const lengths: number[] = [];
  for (const [document, text] of texts.entries()) {
    let length = 0;
    for (const [term, frequency] of termFrequencies(text)) {
      const known = postings.get(term) ?? new Map<number, number>();
      postings.set(term, known.set(document, frequency));
      length += frequency;
    }
    lengths.push(length);
  }
  const average = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  return (query: string, limit: number): readonly number[] => {
    const scores = new Map<number, number>();
    for (const term of termFrequencies(query).keys()) {
      const found = postings.get(term);
      if (!found) continue;
      const idf = Math.log(1 + (lengths.length - found.size + 0.5) / (found.size + 0.5));
      for (const [document, f] of found) {
        const score = (idf * f * 2.2) / (f + 1.2 * (0.25 + (0.75 * lengths[document]) / average));
        scores.set(document, (scores.get(document) ?? 0) + score);
      }
    }
    const best = [...scores].sort(([a, x], [b, y]) => y - x || a - b).slice(0, limit);
    return best.map(([document]) => document);
  };
}
