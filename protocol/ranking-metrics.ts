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

/** One over the place of the first relevant item, from 1; 0 where there is none. Its mean over queries is the MRR. */
export function reciprocalRank<T>(ranking: readonly T[], relevant: ReadonlySet<T>): number {
  const first = ranking.findIndex((item) => relevant.has(item));
  return first < 0 ? 0 : 1 / (first + 1);
}

export type Interval = { readonly mean: number; readonly low: number; readonly high: number };

/**
 * The mean, and between which two values 95 % of the means lie when as many values are drawn anew, with repetition.
 *
 * The draws are the same for lists of the same length, so that differences of two measures can be given as one list.
 * Source: Efron, "Bootstrap methods: another look at the jackknife", 1979, the percentile interval.
 */
export function bootstrapMean(values: readonly number[], resamples = 2000): Interval {
  const meanOf = (pick: (i: number) => number) => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[pick(i)];
    return sum / values.length;
  };
  const draw = createDraw(values.length);
  const means = Float64Array.from({ length: resamples }, () => meanOf(draw)).sort();
  const at = (part: number) => means[Math.round(part * (resamples - 1))];
  return { mean: meanOf((i) => i), low: at(0.025), high: at(0.975) };
}

/** Whole numbers below the bound, by a linear congruential generator (Numerical Recipes, 2nd edition, chapter 7.1). */
function createDraw(bound: number): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}
