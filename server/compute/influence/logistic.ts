/**
 * Multinomial logistic regression with a quadratic penalty, in float64: the convex problem on which influence can be exact.
 *
 * The objective is (1/n) sum_i w_i loss_i(theta) + (lambda/2) |theta|^2. The divisor n is the number of all rows, whatever
 * their weights: leaving a row out takes its term away and changes nothing else.
 */
import { type Cholesky, factorCholesky, solveCholesky } from '../cholesky.ts';

export type LogisticProblem = {
  readonly rows: readonly Float64Array[];
  readonly labels: readonly number[];
  readonly classes: number;
  readonly lambda: number;
};

/** Class by class: theta[k * features + j]. */
export type Theta = Float64Array;

/** Newton's method from zero, until no slope of the objective is above 1e-10. */
export function fitLogistic(problem: LogisticProblem): Theta {
  const theta = new Float64Array(problem.classes * problem.rows[0].length);
  const all = new Float64Array(problem.rows.length).fill(1);
  for (let round = 0; round < 50; round++) {
    const slope = objectiveGradient(problem, theta, all);
    if (largest(slope) < 1e-10) return theta;
    const step = solveCholesky(objectiveHessian(problem, theta, all), slope);
    for (let i = 0; i < theta.length; i++) theta[i] -= step[i];
  }
  throw new Error('The fit did not converge.');
}

/** The probabilities of the classes. */
export function predict(theta: Theta, row: Float64Array, classes: number): Float64Array {
  const scores = new Float64Array(classes);
  for (let k = 0; k < classes; k++)
    for (let j = 0; j < row.length; j++) scores[k] += theta[k * row.length + j] * row[j];
  const highest = Math.max(...scores);
  let total = 0;
  for (let k = 0; k < classes; k++) {
    scores[k] = Math.exp(scores[k] - highest);
    total += scores[k];
  }
  return scores.map((score) => score / total);
}

/** In nats. */
export const lossOf = (theta: Theta, row: Float64Array, label: number, classes: number): number =>
  -Math.log(predict(theta, row, classes)[label]);

/** Of one row's loss, without the penalty: (p - onehot) outer x. */
export function lossGradient(
  theta: Theta,
  row: Float64Array,
  label: number,
  classes: number,
): Float64Array {
  const p = predict(theta, row, classes);
  const gradient = new Float64Array(theta.length);
  for (let k = 0; k < classes; k++) {
    const excess = p[k] - (k === label ? 1 : 0);
    for (let j = 0; j < row.length; j++) gradient[k * row.length + j] = excess * row[j];
  }
  return gradient;
}

export function objectiveGradient(
  { rows, labels, classes, lambda }: LogisticProblem,
  theta: Theta,
  weights: ArrayLike<number>,
): Float64Array {
  const features = rows[0].length;
  const gradient = theta.map((value) => lambda * value);
  for (const [i, row] of rows.entries()) {
    if (weights[i] === 0) continue;
    const p = predict(theta, row, classes);
    for (let k = 0; k < classes; k++) {
      const excess = ((p[k] - (k === labels[i] ? 1 : 0)) * weights[i]) / rows.length;
      for (let j = 0; j < features; j++) gradient[k * features + j] += excess * row[j];
    }
  }
  return gradient;
}

/** Factored: sum_i w_i (diag(p) - p p^T) kron x x^T / n + lambda. */
export function objectiveHessian(
  { rows, classes, lambda }: LogisticProblem,
  theta: Theta,
  weights: ArrayLike<number>,
): Cholesky {
  const features = rows[0].length;
  const size = theta.length;
  const hessian = new Float64Array(size * size);
  for (const [i, row] of rows.entries()) {
    if (weights[i] === 0) continue;
    const p = predict(theta, row, classes);
    for (let a = 0; a < classes; a++) {
      for (let b = 0; b <= a; b++) {
        const curvature = (p[a] * ((a === b ? 1 : 0) - p[b]) * weights[i]) / rows.length;
        for (let j = 0; j < features; j++) {
          const scaled = curvature * row[j];
          if (scaled === 0) continue;
          const at = (a * features + j) * size + b * features;
          const end = a === b ? j + 1 : features; // the lower half
          for (let l = 0; l < end; l++) hessian[at + l] += scaled * row[l];
        }
      }
    }
  }
  for (let i = 0; i < size; i++) hessian[i * size + i] += lambda;
  return factorCholesky(hessian, size);
}

export const largest = (values: Float64Array): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
