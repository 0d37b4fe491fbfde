/** Several rankings made one, and a ranking made diverse. */
import type { Hit } from './bm25.ts';

/** How slowly a rank's worth falls; the paper's value. */
const RANK_CONSTANT = 60;

/**
 * Reciprocal rank fusion: a document scores the sum of weight / (constant + rank) over the rankings that hold it.
 *
 * Source: Cormack, Clarke, Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
 * methods", 2009.
 *
 * @param rankings each best first
 * @returns best first; equal scores in the order of documents
 */
export function fuseRanks(
  rankings: readonly { readonly hits: readonly Hit[]; readonly weight: number }[],
  constant = RANK_CONSTANT,
): Hit[] {
  const scores = new Map<number, number>();
  for (const { hits, weight } of rankings) {
    for (const [i, { document }] of hits.entries()) {
      scores.set(document, (scores.get(document) ?? 0) + weight / (constant + i + 1));
    }
  }
  return [...scores]
    .map(([document, score]) => ({ document, score }))
    .sort((a, b) => b.score - a.score || a.document - b.document);
}

/**
 * Maximal marginal relevance: the next hit is the one with the greatest
 * (1 - diversity) * relevance - diversity * (its greatest similarity to those taken).
 *
 * Source: Carbonell, Goldstein, "The use of MMR, diversity-based reranking", 1998, lambda = 1 - diversity.
 *
 * @param hits best first; relevance is the score over the best one's
 * @param options.similarity -1 to 1
 * @param options.diversity 0: as they were, to 1
 */
export function diversify(
  hits: readonly Hit[],
  options: {
    readonly limit: number;
    readonly diversity: number;
    readonly similarity: (a: number, b: number) => number;
  },
): Hit[] {
  const { limit, diversity, similarity } = options;
  if (diversity === 0) return hits.slice(0, limit);
  const best = hits[0]?.score ?? 1;
  const left = hits.map((hit) => ({ hit, likeness: 0 }));
  const taken: Hit[] = [];
  while (taken.length < limit && left.length > 0) {
    const worth = left.map(
      ({ hit, likeness }) => ((1 - diversity) * hit.score) / best - diversity * likeness,
    );
    const [{ hit }] = left.splice(worth.indexOf(Math.max(...worth)), 1);
    taken.push(hit);
    for (const other of left) {
      other.likeness = Math.max(other.likeness, similarity(hit.document, other.hit.document));
    }
  }
  return taken;
}
