/**
 * A long vector in a few numbers, so that inner products stay what they were on average.
 *
 * Source: Charikar, Chen, Farach-Colton, "Finding Frequent Items in Data Streams", 2002 (count sketch): each coordinate is added to one
 * place, with a sign, both by a hash of its number.
 */
import { mix } from '../mix.ts';

/** @param size places, > 0 @returns [size] */
export function countSketch(vector: ArrayLike<number>, size: number): Float32Array {
  const sums = new Float64Array(size);
  for (let i = 0; i < vector.length; i++) {
    const hash = mix(i + 1) >>> 0;
    sums[(hash >>> 1) % size] += hash & 1 ? vector[i] : -vector[i];
  }
  return Float32Array.from(sums);
}
