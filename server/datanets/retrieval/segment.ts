/** A segment: at most 65,536 passages with their index, what a search may ask about each, and their vectors. */
import { type Bm25Segment, prepareSegment } from '../../compute/bm25.ts';
import { createIndexBuilder, mergeIndexes } from '../../compute/inverted-index.ts';
import type { ProjectedTerms } from '../../compute/projected-terms.ts';
import { createSignCodes, type SignCodes } from '../../compute/sign-codes.ts';

export type Passage = {
  /** SHA-256, lower-case hex. */
  readonly hash: string;
  /** Passages of one document share it. */
  readonly document: string;
  readonly text: string;
  /** Number of the group of rights and language that it belongs to. */
  readonly group: number;
  /** When it was contributed, in milliseconds. */
  readonly time: number;
};

export type Segment = {
  readonly bm25: Bm25Segment;
  readonly hashes: Buffer; // [passages, 32]
  readonly documents: Uint32Array; // [passages]: equal numbers, one document
  readonly groups: Uint32Array; // [passages]
  readonly times: Float64Array; // [passages]
  /** 1 where the newest snapshot holds the passage and it is not withdrawn. */
  readonly alive: Uint8Array; // [passages]
  /** Made here, once they are wanted. */
  projected?: { readonly terms: ProjectedTerms; readonly codes: SignCodes };
  /** Made by an embedder elsewhere, as they come. */
  embedded?: SignCodes;
};

export const HASH_BYTES = 32;

export const sizeOf = ({ alive }: Segment): number => alive.length;

export const hashAt = ({ hashes }: Segment, row: number): string =>
  hashes.toString('hex', row * HASH_BYTES, (row + 1) * HASH_BYTES);

export const aliveIn = ({ alive }: Segment): number => alive.reduce((sum, one) => sum + one, 0);

/** Passages on their way into a segment. */
export function createSegmentBuilder() {
  const index = createIndexBuilder();
  const rows: Omit<Passage, 'text'>[] = [];
  return {
    size: index.size,
    add({ text, ...row }: Passage): void {
      index.add(text);
      rows.push(row);
    },
    build(): Segment {
      const numbers = new Map<string, number>();
      for (const { document } of rows) {
        if (!numbers.has(document)) numbers.set(document, numbers.size);
      }
      return {
        bm25: prepareSegment(index.build()),
        hashes: Buffer.from(rows.map(({ hash }) => hash).join(''), 'hex'),
        documents: Uint32Array.from(rows, ({ document }) => numbers.get(document) ?? 0),
        groups: Uint32Array.from(rows, ({ group }) => group),
        times: Float64Array.from(rows, ({ time }) => time),
        alive: new Uint8Array(rows.length).fill(1),
      };
    },
  };
}

/** What is alive of several segments, in their order. Vectors that were made here are made again when they are wanted. */
export function mergeSegments(segments: readonly Segment[]): Segment {
  const parts = segments.map((segment) => {
    const rows = Uint32Array.from(segment.alive.keys()).filter((row) => segment.alive[row] === 1);
    return { segment, rows };
  });
  const size = parts.reduce((sum, { rows }) => sum + rows.length, 0);
  const merged: Segment = {
    bm25: prepareSegment(
      mergeIndexes(
        parts.map(({ segment, rows }) => ({ index: segment.bm25.index, documents: rows })),
      ),
    ),
    hashes: Buffer.alloc(size * HASH_BYTES),
    documents: new Uint32Array(size),
    groups: new Uint32Array(size),
    times: new Float64Array(size),
    alive: new Uint8Array(size).fill(1),
    embedded: emptyCodes(segments, size),
  };
  let [to, documents] = [0, 0];
  for (const { segment, rows } of parts) {
    for (const row of rows) {
      segment.hashes.copy(merged.hashes, to * HASH_BYTES, row * HASH_BYTES, (row + 1) * HASH_BYTES);
      merged.documents[to] = documents + segment.documents[row];
      merged.groups[to] = segment.groups[row];
      merged.times[to] = segment.times[row];
      if (segment.embedded && merged.embedded) copyRow(segment.embedded, row, merged.embedded, to);
      to += 1;
    }
    documents += 1 + segment.documents.reduce((most, one) => Math.max(most, one), 0);
  }
  return merged;
}

function emptyCodes(segments: readonly Segment[], rows: number): SignCodes | undefined {
  const known = segments.find(({ embedded }) => embedded)?.embedded;
  return known && createSignCodes(rows, known.dimensions);
}

function copyRow(from: SignCodes, row: number, to: SignCodes, toRow: number): void {
  const { dimensions } = from;
  const words = dimensions / 32;
  to.bits.set(from.bits.subarray(row * words, (row + 1) * words), toRow * words);
  to.bytes.set(from.bytes.subarray(row * dimensions, (row + 1) * dimensions), toRow * dimensions);
  to.scales[toRow] = from.scales[row];
}
