/**
 * Exact influence in a convex problem: what each training row adds to each query's log-likelihood, without retraining.
 *
 * phi_i(q) = - grad f(q)^T H^-1 grad loss_i / n at the optimum of all rows, with f the log-likelihood. By the implicit
 * function theorem that is the derivative of f in the row's weight, exactly; that a row's or a group's absence is its
 * weight times this is first order. Scores add up: a group's is the sum of its rows'.
 *
 * Sources: Cook, Weisberg, "Residuals and influence in regression", 1982; Koh, Liang, "Understanding black-box
 * predictions via influence functions", 2017, eq. 2.
 */
import { solveCholesky } from '../cholesky.ts';
import { dot } from './estimators.ts';
import { type LogisticProblem, lossGradient, objectiveHessian, type Theta } from './logistic.ts';

export type Query = { readonly row: Float64Array; readonly label: number };

/** @returns scores [queries][rows], in nats */
export function exactInfluence(
  problem: LogisticProblem,
  theta: Theta,
  queries: readonly Query[],
): readonly Float64Array[] {
  const { rows, labels, classes } = problem;
  const hessian = objectiveHessian(problem, theta, new Float64Array(rows.length).fill(1));
  const gradients = rows.map((row, i) => lossGradient(theta, row, labels[i], classes));
  return queries.map(({ row, label }) => {
    // grad f = -grad loss of the query, so the two minus signs cancel.
    const direction = solveCholesky(hessian, lossGradient(theta, row, label, classes));
    return Float64Array.from(gradients, (gradient) => dot(direction, gradient) / rows.length);
  });
}
