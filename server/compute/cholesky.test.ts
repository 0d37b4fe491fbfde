import { expect, test } from 'vitest';
import { factorCholesky, solveCholesky } from './cholesky.ts';
import { createRandom } from './random.ts';

test('solves random systems: A x is b again', () => {
  const random = createRandom(5);
  for (const size of [1, 2, 7, 30]) {
    const root = Float64Array.from({ length: size * size }, random.gaussian);
    const matrix = new Float64Array(size * size);
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++)
        for (let k = 0; k < size; k++)
          matrix[i * size + j] += root[i * size + k] * root[j * size + k] + (i === j ? 0.1 : 0);
    const b = Float64Array.from({ length: size }, random.gaussian);
    const x = solveCholesky(factorCholesky(matrix, size), b);
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let j = 0; j < size; j++) sum += matrix[i * size + j] * x[j];
      expect(sum).toBeCloseTo(b[i], 8);
    }
  }
});

test('refuses a matrix that is not positive definite', () => {
  expect(() => factorCholesky(Float64Array.of(1, 2, 2, 1), 2)).toThrow('Not positive definite');
});
