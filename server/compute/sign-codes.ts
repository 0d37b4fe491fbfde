/**
 * Vectors held small: one bit a dimension to find candidates, one byte a dimension to rank them.
 *
 * The bits are the signs; two vectors differ in about (angle / pi) of them (random hyperplanes: Charikar, "Similarity
 * estimation techniques from rounding algorithms", 2002). A search counts differing bits over all rows, and ranks the
 * nearest few hundred by the dot product of the query with their bytes. What the bits pass over is lost:
 * `npm run bench -- datanets` says how much.
 */
import { type Hit, isBetter, keepBest } from './bm25.ts';
import { type BitRows, createBitRows, REGISTER_BITS } from './hamming.ts';

export type SignCodes = BitRows & {
  /** A multiple of 128. */
  readonly dimensions: number;
  readonly rows: number;
  readonly bytes: Int8Array; // [rows, dimensions]
  /** What a byte's unit stands for; 0 for a row without a vector, which is never found. */
  readonly scales: Float32Array; // [rows]
};

/** @param length of the vectors: rounded up to what the codes can hold */
export function createSignCodes(rows: number, length: number): SignCodes {
  const dimensions = codeDimensions(length);
  return {
    ...{ rows, dimensions, ...createBitRows(rows, dimensions) },
    bytes: new Int8Array(rows * dimensions),
    scales: new Float32Array(rows),
  };
}

export const codeDimensions = (length: number): number =>
  Math.ceil(length / REGISTER_BITS) * REGISTER_BITS;

/** @param vector of at most `dimensions`; what is missing is zero */
export function setVector(codes: SignCodes, row: number, vector: Float32Array): void {
  const { dimensions, bits, bytes, scales } = codes;
  let greatest = 0;
  for (let i = 0; i < vector.length; i++) greatest = Math.max(greatest, Math.abs(vector[i]));
  scales[row] = greatest / 127;
  bits.fill(0, (row * dimensions) / 32, ((row + 1) * dimensions) / 32);
  for (let i = 0; i < vector.length; i++) {
    bytes[row * dimensions + i] = greatest === 0 ? 0 : Math.round((vector[i] * 127) / greatest);
    if (vector[i] > 0) bits[(row * dimensions + i) >>> 5] |= 1 << (i & 31);
  }
}

/** As it is held: rounded. */
export function vectorAt({ dimensions, bytes, scales }: SignCodes, row: number): Float32Array {
  const held = bytes.subarray(row * dimensions, (row + 1) * dimensions);
  return Float32Array.from(held, (byte) => byte * scales[row]);
}

export type NearestOptions = {
  readonly limit: number;
  /** How many are ranked by their bytes. */
  readonly candidates: number;
  /** Rows for which this is false are passed over. */
  readonly filter?: (row: number) => boolean;
};

/** @returns rows above zero, best first; equal scores in the order of rows */
export function nearest(
  parts: readonly SignCodes[],
  query: Float32Array,
  { limit, candidates, filter }: NearestOptions,
): Hit[] {
  const hits: Hit[] = [];
  if (parts.length === 0 || limit < 1) return hits;
  const asked = createSignCodes(1, parts[0].dimensions);
  setVector(asked, 0, query);
  const found = findCandidates(parts, asked.bits, { candidates, filter });
  let [part, base] = [0, 0];
  for (const document of found) {
    while (document >= base + parts[part].rows) base += parts[part++].rows;
    const score = dot(parts[part], document - base, query);
    if (score > 0) keepBest(hits, { document, score }, limit);
  }
  return hits.sort((a, b) => (isBetter(a, b) ? -1 : 1));
}

/** Rows with the fewest differing bits; of those that tie for the last places the first. */
function findCandidates(
  parts: readonly SignCodes[],
  query: Uint32Array,
  { candidates, filter }: Pick<NearestOptions, 'candidates' | 'filter'>,
): readonly number[] {
  const far = parts[0].dimensions + 1; // what is not to be found
  const rowsAt = new Uint32Array(far + 1);
  let base = 0;
  const measured = parts.map((part) => {
    const distances = part.distances(query);
    const { scales, rows } = part;
    for (let row = 0; row < rows; row++) {
      if (scales[row] === 0 || (filter && !filter(base + row))) distances[row] = far;
      rowsAt[distances[row]] += 1;
    }
    base += rows;
    return distances;
  });
  let last = 0;
  let nearer = 0;
  while (last < far && nearer + rowsAt[last] < candidates) nearer += rowsAt[last++];
  let ties = last === far ? 0 : candidates - nearer;
  const found: number[] = [];
  base = 0;
  for (const distances of measured) {
    const rows = distances.length;
    for (let row = 0; row < rows; row++) {
      if (distances[row] > last || (distances[row] === last && ties-- <= 0)) continue;
      found.push(base + row);
    }
    base += rows;
  }
  return found;
}

function dot({ dimensions, bytes, scales }: SignCodes, row: number, query: Float32Array): number {
  let sum = 0;
  for (let i = 0, at = row * dimensions; i < query.length; i++, at++) sum += bytes[at] * query[i];
  return sum * scales[row];
}
