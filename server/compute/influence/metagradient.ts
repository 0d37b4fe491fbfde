/**
 * Metagradients through a whole run of stochastic gradient descent, in float64: how a query's log-likelihood after training
 * changes with the weight of each record in it.
 *
 * Sources: Engstrom et al., "Optimizing ML training with metagradient descent" and Ilyas, Engstrom, "MAGIC", 2025, for the
 * reverse sweep; Aumann, Shapley, "Values of non-atomic games", 1974, for the mean along the path from no weight to all.
 * Only for plain SGD: AdamW ignores the scale of the weights, and there the path says nothing.
 */
import { dot } from './estimators.ts';

export type SgdRun = {
  readonly start: Float64Array;
  readonly rate: number;
  /** The records of each step. */
  readonly batches: readonly (readonly number[])[];
  readonly records: number;
  /** Of a record's loss at theta. */
  readonly gradient: (theta: Float64Array, record: number) => Float64Array;
};

/** All thetas, from the start to the end. @param weights of the records, 0 for one that is left out */
export function trainSgd(run: SgdRun, weights: ArrayLike<number>): readonly Float64Array[] {
  const path = [run.start];
  for (const batch of run.batches) {
    const theta = path[path.length - 1];
    const slope = batchGradient(run, { theta, batch, weights });
    path.push(theta.map((value, i) => value - run.rate * slope[i]));
  }
  return path;
}

/** d f / d w_i at weights that are all alike, for f with that gradient in the last theta. */
export function metagradient(
  run: SgdRun,
  path: readonly Float64Array[],
  { weight, direction }: { readonly weight: number; readonly direction: Float64Array },
): Float64Array {
  const scores = new Float64Array(run.records);
  const weights = new Float64Array(run.records).fill(weight);
  let lambda = direction;
  for (let step = run.batches.length - 1; step >= 0; step--) {
    const [batch, theta] = [run.batches[step], path[step]];
    for (const record of batch)
      scores[record] -= (run.rate / batch.length) * dot(lambda, run.gradient(theta, record));
    const curved = hessianTimes(run, { theta, batch, weights }, lambda);
    lambda = lambda.map((value, i) => value - run.rate * curved[i]);
  }
  return scores;
}

type Point = {
  readonly theta: Float64Array;
  readonly batch: readonly number[];
  readonly weights: ArrayLike<number>;
};

function batchGradient({ gradient }: SgdRun, { theta, batch, weights }: Point): Float64Array {
  const slope = new Float64Array(theta.length);
  for (const record of batch) {
    if (weights[record] === 0) continue;
    const own = gradient(theta, record);
    const part = weights[record] / batch.length;
    for (let i = 0; i < slope.length; i++) slope[i] += part * own[i];
  }
  return slope;
}

/** By a central difference of gradients; float64 leaves it about ten digits. */
function hessianTimes(run: SgdRun, point: Point, vector: Float64Array): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  if (length === 0) return vector;
  const epsilon = 1e-4 / length;
  const at = (sign: number): Float64Array =>
    batchGradient(run, {
      ...point,
      theta: point.theta.map((value, i) => value + sign * epsilon * vector[i]),
    });
  const [above, below] = [at(1), at(-1)];
  return above.map((value, i) => (value - below[i]) / (2 * epsilon));
}
