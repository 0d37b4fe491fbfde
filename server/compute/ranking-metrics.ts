/** How good a ranking is against what is known to be relevant. */

/** The part of the relevant items that stands among the first k. @param relevant at least one */
export const recallAt = <T>(k: number, ranking: readonly T[], relevant: ReadonlySet<T>): number =>
  ranking.slice(0, k).filter((item) => relevant.has(item)).length / relevant.size;

/**
 * Normalised discounted cumulative gain of the first k: items are relevant or not, and place i from 1 is worth
 * 1 / log2(i + 1). 1 = no ranking is better.
 *
 * Source: Jarvelin, Kekalainen, "Cumulated gain-based evaluation of IR techniques", 2002.
 *
 * @param ranking holds an item once
 * @param relevant at least one
 */
export function ndcgAt<T>(k: number, ranking: readonly T[], relevant: ReadonlySet<T>): number {
  const worth = (places: readonly unknown[], counts: (i: number) => boolean) =>
    places.reduce((sum: number, _, i) => sum + (counts(i) ? 1 / Math.log2(i + 2) : 0), 0);
  const found = ranking.slice(0, k);
  const ideal = Array.from({ length: Math.min(k, relevant.size) });
  return worth(found, (i) => relevant.has(found[i])) / worth(ideal, () => true);
}
