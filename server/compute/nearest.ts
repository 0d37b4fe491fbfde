/** The vectors with the greatest dot product with one of them, by an exact scan over typed arrays. */
import { type Hit, keepBest } from './bm25.ts';

/** Rows of one length, one after the other. */
export type Vectors = { readonly data: Float32Array; readonly dimensions: number }; // [rows, dimensions]

export const vectorAt = ({ data, dimensions }: Vectors, row: number): Float32Array =>
  data.subarray(row * dimensions, (row + 1) * dimensions);

/** @returns the best rows, best first, rows at or below zero left out; equal scores in the order of rows */
export function nearest(
  { data, dimensions }: Vectors,
  query: Float32Array,
  options: { readonly limit: number; readonly filter?: (row: number) => boolean },
): Hit[] {
  const { limit, filter } = options;
  const hits: Hit[] = [];
  if (limit < 1) return hits;
  const whole = dimensions - (dimensions % 4);
  for (let row = 0, from = 0; from < data.length; row++, from += dimensions) {
    let [a, b, c, d] = [0, 0, 0, 0]; // four sums, that the processor need not wait for one
    for (let i = 0; i < whole; i += 4) {
      a += data[from + i] * query[i];
      b += data[from + i + 1] * query[i + 1];
      c += data[from + i + 2] * query[i + 2];
      d += data[from + i + 3] * query[i + 3];
    }
    for (let i = whole; i < dimensions; i++) a += data[from + i] * query[i];
    const score = a + b + c + d;
    const least = hits.length < limit ? 0 : hits[0].score;
    if (score <= least || (filter && !filter(row))) continue;
    keepBest(hits, { document: row, score }, limit);
  }
  return hits.sort((x, y) => y.score - x.score || x.document - y.document);
}
