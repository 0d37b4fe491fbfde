/**
 * Estimators of influence over gradients of single records, in float64.
 *
 * Everywhere: a score [queries][records] says how much a record raised a query's log-likelihood, up to a factor that one
 * estimator applies to all; gradients are of losses, so that a record which pulls where the query pulls has a positive one.
 */
import { factorCholesky, solveCholesky } from '../cholesky.ts';
import { createRandom } from '../random.ts';

export type Gradients = readonly Float64Array[];
export type Scores = readonly Float64Array[];

/** What training is at one moment: gradients of all records and queries there. */
export type Moment = { readonly records: Gradients; readonly queries: Gradients };

/** A run of parameters that are one matrix, [rows, columns], row by row from `offset`. */
export type Block = { readonly offset: number; readonly rows: number; readonly columns: number };

/** The plain inner product. Source: Charpiat et al., "Input similarity from the neural network perspective", 2019. */
export const gradDot = ({ records, queries }: Moment): Scores =>
  queries.map((query) => Float64Array.from(records, (record) => dot(query, record)));

/**
 * The inner product in the metric that Adam steps in: a gradient moves a parameter by g / (sqrt(v) + epsilon).
 *
 * Source: Xia et al., "LESS", 2024, section 3.1, for the record's side; without its first moment.
 *
 * @param second Adam's second moment, bias-corrected
 */
export function preconditionedGradDot(
  { records, queries }: Moment,
  { second, epsilon }: { readonly second: ArrayLike<number>; readonly epsilon: number },
): Scores {
  const scaled = queries.map((query) =>
    query.map((value, i) => value / (Math.sqrt(second[i]) + epsilon)),
  );
  return gradDot({ records, queries: scaled });
}

/** Summed over checkpoints, by learning rate. Source: Pruthi et al., "TracIn", 2020, TracInCP. */
export const tracIn = (
  checkpoints: readonly { readonly rate: number; readonly scores: Scores }[],
): Scores =>
  checkpoints[0].scores.map((row, query) =>
    row.map((_, record) =>
      checkpoints.reduce((sum, { rate, scores }) => sum + rate * scores[query][record], 0),
    ),
  );

/**
 * Influence with the inverse of the damped Fisher matrix swapped with the mean, matrix by matrix:
 * H^-1 ~ (1 / n lambda) sum_j (I - g_j g_j^T / (lambda + |g_j|^2)).
 *
 * Source: Kwon et al., "DataInf", 2023, eq. 5; lambda = damping * mean |g|^2 / size of the matrix, as there.
 */
export function dataInf(
  moment: Moment,
  { blocks, damping }: { readonly blocks: readonly Block[]; readonly damping: number },
): Scores {
  const scores = moment.queries.map(() => new Float64Array(moment.records.length));
  for (const block of blocks) {
    const records = moment.records.map((gradient) => partOf(gradient, block));
    const queries = moment.queries.map((gradient) => partOf(gradient, block));
    const lambda = damping * meanEigenvalue(records);
    if (lambda === 0) continue;
    const gram = gramOf(records);
    for (const [q, query] of queries.entries()) {
      const along = records.map((record) => dot(query, record));
      const weights = along.map((value, j) => value / (lambda + gram[j][j]) / records.length);
      for (let i = 0; i < records.length; i++) {
        scores[q][i] += (along[i] - dot(weights, gram[i])) / lambda;
      }
    }
  }
  return scores;
}

/**
 * Influence with the damped empirical Fisher matrix inverted exactly, in the space of the records (Woodbury):
 * (G^T G / n + lambda)^-1 = (1 / lambda) (I - G^T (n lambda + G G^T)^-1 G).
 *
 * Source: Koh, Liang, 2017, eq. 2, with the empirical Fisher matrix as in Amari, "Natural gradient", 1998.
 */
export function dampedFisher(
  { records, queries }: Moment,
  { damping }: { readonly damping: number },
): Scores {
  const n = records.length;
  const lambda = damping * meanEigenvalue(records);
  const gram = gramOf(records);
  const system = new Float64Array(n * n);
  for (let i = 0; i < n; i++) system.set(gram[i], i * n);
  for (let i = 0; i < n; i++) system[i * n + i] += n * lambda;
  const factored = factorCholesky(system, n);
  return queries.map((query) => {
    const along = Float64Array.from(records, (record) => dot(query, record));
    const inside = solveCholesky(factored, along);
    return along.map((value, i) => (value - dot(inside, gram[i])) / lambda);
  });
}

/**
 * Each matrix of a gradient seen through two random matrices, [side, rows] and [columns, side]: what the damped Fisher
 * matrix is then taken of. Source: Choe et al., "LoGra" ("What is your data worth to GPT?"), 2024, section 3.2, with random
 * projections.
 */
export function projectGradients(
  { records, queries }: Moment,
  { blocks, side, seed }: { readonly blocks: readonly Block[]; side: number; seed: number },
): Moment {
  const random = createRandom(seed);
  const draw = (rows: number, columns: number): Float64Array =>
    Float64Array.from({ length: rows * columns }, () => random.gaussian() / Math.sqrt(rows));
  const projections = blocks.map((block) => {
    const [high, wide] = [Math.min(side, block.rows), Math.min(side, block.columns)];
    const left = high < block.rows ? draw(high, block.rows) : undefined;
    const right = wide < block.columns ? draw(wide, block.columns) : undefined;
    return { block, high, wide, left, right };
  });
  const project = (gradient: Float64Array): Float64Array =>
    Float64Array.from(
      projections.flatMap(({ block, high, wide, left, right }) => {
        const { rows, columns } = block;
        const matrix = partOf(gradient, block);
        const short = left ? multiply(left, matrix, [high, rows, columns]) : matrix;
        return [...(right ? timesTransposed(short, right, [high, columns, wide]) : short)];
      }),
    );
  return { records: records.map(project), queries: queries.map(project) };
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

const partOf = (gradient: Float64Array, { offset, rows, columns }: Block): Float64Array =>
  gradient.subarray(offset, offset + rows * columns);

/** Of the empirical Fisher matrix: mean |g|^2 / size. */
const meanEigenvalue = (records: Gradients): number =>
  records.reduce((sum, record) => sum + dot(record, record), 0) /
  records.length /
  records[0].length;

function gramOf(records: Gradients): readonly Float64Array[] {
  const gram = records.map(() => new Float64Array(records.length));
  for (let i = 0; i < records.length; i++) {
    for (let j = 0; j <= i; j++) gram[i][j] = gram[j][i] = dot(records[i], records[j]);
  }
  return gram;
}

/** a [m, k] times b [k, n]. */
function multiply(
  a: Float64Array,
  b: Float64Array,
  [m, k, n]: readonly [number, number, number],
): Float64Array {
  const product = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let l = 0; l < k; l++)
      for (let j = 0; j < n; j++) product[i * n + j] += a[i * k + l] * b[l * n + j];
  return product;
}

/** a [m, k] times the transpose of b [n, k]. */
function timesTransposed(
  a: Float64Array,
  b: Float64Array,
  [m, k, n]: readonly [number, number, number],
): Float64Array {
  const product = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++)
      product[i * n + j] = dot(a.subarray(i * k, i * k + k), b.subarray(j * k, j * k + k));
  return product;
}
