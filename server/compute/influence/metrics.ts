/** How right scores are: they are laid beside what retraining says. */
import { createRandom } from '../random.ts';
import { spearman } from '../spearman.ts';
import type { Scores } from './estimators.ts';

/** Which of the players were trained on: one a retraining, 1 or 0 a player. */
export type Masks = readonly Uint8Array[];

/** [queries][retrainings]: a query's log-likelihood, in nats. */
export type Truth = readonly Float64Array[];

/**
 * The linear datamodelling score of each query: how a subset's summed scores and the log-likelihood after training on that
 * subset order the subsets alike. Source: Park et al., "TRAK", 2023, definition 2.3.
 */
export const datamodellingScores = (
  scores: Scores,
  masks: Masks,
  truth: Truth,
): readonly number[] =>
  scores.map((row, query) =>
    spearman(
      masks.map((mask) => mask.reduce((sum, isIn, player) => sum + (isIn ? row[player] : 0), 0)),
      truth[query],
    ),
  );

/** A player's score is the sum of its records'. @param playerOf the player of each record */
export const sumByPlayer = (scores: Scores, playerOf: ArrayLike<number>, players: number): Scores =>
  scores.map((row) => {
    const sums = new Float64Array(players);
    for (const [record, score] of row.entries()) sums[playerOf[record]] += score;
    return sums;
  });

export type Interval = { readonly estimate: number; readonly low: number; readonly high: number };

/**
 * The mean with its 95 % interval: 2,000 draws of as many queries with replacement, their 2.5 and 97.5 percentiles.
 *
 * Source: Efron, "Bootstrap methods", 1979. It covers the choice of queries, not that of the retrained subsets.
 */
export function bootstrapMean(values: readonly number[], seed: number): Interval {
  const random = createRandom(seed);
  const means = Array.from({ length: 2_000 }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[random.below(values.length)];
    return sum / values.length;
  }).sort((a, b) => a - b);
  const estimate = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { estimate, low: means[49], high: means[1_949] };
}
