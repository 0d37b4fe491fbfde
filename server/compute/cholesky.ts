/** Symmetric positive definite systems in float64. Source: Golub, Van Loan, "Matrix computations", 4th ed., 4.2. */

/** The lower factor L of A = L L^T; the entries above the diagonal are not used. */
export type Cholesky = { readonly size: number; readonly lower: Float64Array };

/**
 * @param matrix [size, size], row by row; only its lower half is read
 * @throws Error when the matrix is not positive definite
 */
export function factorCholesky(matrix: Float64Array, size: number): Cholesky {
  const lower = matrix.slice();
  for (let row = 0; row < size; row++) {
    const at = row * size;
    for (let column = 0; column <= row; column++) {
      const other = column * size;
      let rest = lower[at + column];
      for (let k = 0; k < column; k++) rest -= lower[at + k] * lower[other + k];
      if (column < row) {
        lower[at + column] = rest / lower[other + column];
        continue;
      }
      if (!(rest > 0)) throw new Error(`Not positive definite at row ${row}.`);
      lower[at + row] = Math.sqrt(rest);
    }
  }
  return { size, lower };
}

/** x of A x = b. */
export function solveCholesky({ size, lower }: Cholesky, right: Float64Array): Float64Array {
  const x = right.slice();
  for (let row = 0; row < size; row++) {
    const at = row * size;
    let rest = x[row];
    for (let k = 0; k < row; k++) rest -= lower[at + k] * x[k];
    x[row] = rest / lower[at + row];
  }
  for (let row = size - 1; row >= 0; row--) {
    const at = row * size;
    const value = x[row] / lower[at + row];
    x[row] = value;
    for (let k = 0; k < row; k++) x[k] -= lower[at + k] * value;
  }
  return x;
}
