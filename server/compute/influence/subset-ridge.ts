/** Scores of players from an ensemble trained on random halves of them. */
import { factorCholesky, solveCholesky } from '../cholesky.ts';
import { createRandom } from '../random.ts';
import type { Scores } from './estimators.ts';
import type { Masks, Truth } from './metrics.ts';

/**
 * Random halves, each drawn by itself: a half and its complement would tell nearly the same twice.
 *
 * The same seed gives the same subsets; the first 16 of 64 are the 16.
 */
export function halfMasks(
  players: number,
  { count, seed }: { readonly count: number; readonly seed: number },
): Masks {
  const random = createRandom(seed);
  const size = Math.floor(players / 2);
  return Array.from({ length: count }, () => partMask(players, size, random.below));
}

/** A random subset of so many players. */
export function partMask(
  players: number,
  size: number,
  below: (bound: number) => number,
): Uint8Array {
  const mask = new Uint8Array(players);
  const order = Array.from({ length: players }, (_, i) => i);
  for (let chosen = 0; chosen < size; chosen++) {
    const other = chosen + below(players - chosen);
    [order[chosen], order[other]] = [order[other], order[chosen]];
    mask[order[chosen]] = 1;
  }
  return mask;
}

/**
 * Ridge regression of log-likelihoods on who was in the half that was trained on: a player's coefficient is what his
 * presence adds. Both sides are centred; the penalty is `strength` times a centred column's own square, count / 4.
 *
 * Sources: Ilyas et al., "Datamodels", 2022; Hoerl, Kennard, "Ridge regression", 1970.
 *
 * @param answers [queries][subsets], in nats
 */
export function ridgeScores(
  masks: Masks,
  answers: Truth,
  { strength }: { readonly strength: number },
): Scores {
  const [count, players] = [masks.length, masks[0].length];
  const shares = Array.from(
    { length: players },
    (_, player) => masks.reduce((sum, mask) => sum + mask[player], 0) / count,
  );
  const rows = masks.map((mask) =>
    Float64Array.from(mask, (isIn, player) => isIn - shares[player]),
  );
  const system = new Float64Array(players * players);
  for (const row of rows)
    for (let a = 0; a < players; a++)
      for (let b = 0; b <= a; b++) system[a * players + b] += row[a] * row[b];
  for (let a = 0; a < players; a++) system[a * players + a] += (strength * count) / 4;
  const factored = factorCholesky(system, players);
  return answers.map((answer) => {
    const mean = answer.reduce((sum, value) => sum + value, 0) / count;
    const right = new Float64Array(players);
    for (const [k, row] of rows.entries())
      for (let a = 0; a < players; a++) right[a] += row[a] * (answer[k] - mean);
    return solveCholesky(factored, right);
  });
}

/**
 * Divides groups' scores among their records: inside a group records differ as `inside` says, and their sum is the group's. What
 * `inside` leaves over is divided by the records' sizes, so that a text cut into many has no more of it than as one.
 *
 * `inside` is in units of its own, which are fitted to the groups' for each query by least squares through zero.
 *
 * @param sizeOf of each record, above zero
 */
export function scoresInsideGroups(
  groups: Scores,
  inside: Scores,
  groupOf: ArrayLike<number>,
  sizeOf: ArrayLike<number>,
): Scores {
  return groups.map((group, query) => {
    const sizes = new Float64Array(group.length);
    const sums = new Float64Array(group.length);
    for (const [record, score] of inside[query].entries()) {
      sizes[groupOf[record]] += sizeOf[record];
      sums[groupOf[record]] += score;
    }
    const scale = scaleOf(group, sums);
    return inside[query].map((score, record) => {
      const g = groupOf[record];
      return scale * score + ((group[g] - scale * sums[g]) * sizeOf[record]) / sizes[g];
    });
  });
}

/** Never negative: an estimate that runs against the groups' scores is not used. */
function scaleOf(group: Float64Array, sums: Float64Array): number {
  let [along, square] = [0, 0];
  for (const [g, sum] of sums.entries()) {
    along += sum * group[g];
    square += sum * sum;
  }
  return square > 0 ? Math.max(0, along / square) : 0;
}
