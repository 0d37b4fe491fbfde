import { expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { countSketch } from './count-sketch.ts';

const { gaussian } = createRandom(5);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0);

test('inner products of sketches are those of the vectors, but for what the size lets through', () => {
  const size = 256;
  const vectors = Array.from({ length: 20 }, () => Float64Array.from({ length: 5000 }, gaussian));
  const sketches = vectors.map((vector) => countSketch(vector, size));
  for (const [i, a] of vectors.entries()) {
    for (const [j, b] of vectors.entries()) {
      const spread = Math.sqrt((2 * dot(a, a) * dot(b, b)) / size);
      expect(Math.abs(dot(sketches[i], sketches[j]) - dot(a, b))).toBeLessThan(5 * spread);
    }
  }
});
