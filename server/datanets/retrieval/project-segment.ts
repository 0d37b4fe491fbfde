/**
 * Vectors of a segment's passages by projected terms.
 *
 * A passage's vector is its embedding plus the mean direction of its document's passages in the segment: a paragraph seldom
 * repeats what its document is about.
 */
import { normalise, type ProjectedTerms } from '../../compute/projected-terms.ts';
import { createSignCodes, type SignCodes, setVector } from '../../compute/sign-codes.ts';
import type { Segment } from './segment.ts';

/** It can be left and gone on with at each yield. */
export function* projectSegment(
  { bm25, documents }: Pick<Segment, 'bm25' | 'documents'>,
  terms: ProjectedTerms,
): Generator<void, SignCodes> {
  const { dimensions } = terms;
  const rows = yield* terms.embedIndex(bm25.index);
  const rowAt = (row: number) => rows.subarray(row * dimensions, (row + 1) * dimensions);
  const means = new Map<number, Float32Array>();
  for (const [row, document] of documents.entries()) {
    const mean = means.get(document) ?? new Float32Array(dimensions);
    means.set(document, addTo(mean, rowAt(row)));
    if (row % SLICE === 0) yield;
  }
  for (const mean of means.values()) normalise(mean);
  const codes = createSignCodes(documents.length, dimensions);
  for (const [row, document] of documents.entries()) {
    const mean = means.get(document);
    setVector(codes, row, mean ? normalise(addTo(rowAt(row), mean)) : rowAt(row));
    if (row % SLICE === 0) yield;
  }
  return codes;
}

const SLICE = 1024;

function addTo(sum: Float32Array, vector: Float32Array): Float32Array {
  for (let i = 0; i < sum.length; i++) sum[i] += vector[i];
  return sum;
}
