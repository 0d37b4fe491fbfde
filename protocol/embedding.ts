/** Embeddings as receipts know them: what was asked for, and which vectors were delivered. */
import { z } from 'zod';
import { canonicalize } from './canonical.ts';
import { Sha256Hex, sha256Hex } from './hash.ts';

/** What the commitment to a request for embeddings commits to, in canonical JSON. */
export const EmbeddingRequestDocument = z.strictObject({
  kind: z.literal('embedding'),
  model: z.string(),
  /** Texts, or the numbers of their tokens. */
  inputs: z.array(z.union([z.string(), z.array(z.number().int().min(0))])),
  /** Left out where the model's own number was asked for. */
  dimensions: z.number().int().min(1).optional(),
});
export type EmbeddingRequestDocument = z.output<typeof EmbeddingRequestDocument>;

/**
 * What the commitment to an answer of vectors commits to, in canonical JSON. Not the vectors: whoever has them can tell that
 * they are these, and nobody else learns anything of them.
 */
export const EmbeddingOutput = z.strictObject({
  vectors: z.number().int().min(1),
  /** Of each. */
  dimensions: z.number().int().min(1),
  /** Of all vectors' bytes (`vectorBytes`), one after the other in the order of the inputs. */
  sha256: Sha256Hex,
});
export type EmbeddingOutput = z.output<typeof EmbeddingOutput>;

/** The numbers of one vector, in single or double precision. */
export type Vector = ArrayLike<number>;

/** @param vectors [vectors, dimensions], at least one, all of one length */
export function embeddingOutput(vectors: readonly Vector[]): string {
  const [{ length: dimensions }] = vectors;
  const bytes = new Uint8Array(vectors.length * dimensions * 4);
  vectors.forEach((vector, i) => {
    bytes.set(vectorBytes(vector), i * dimensions * 4);
  });
  return canonicalize({ vectors: vectors.length, dimensions, sha256: sha256Hex(bytes) });
}

/**
 * What the base64 of OpenAI's embeddings holds: the numbers rounded to IEEE 754 single precision, little-endian. Zero has no
 * sign, as in JSON.
 */
export function vectorBytes(vector: Vector): Uint8Array {
  const bytes = new Uint8Array(vector.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < vector.length; i++) view.setFloat32(i * 4, Math.fround(vector[i]) + 0, true);
  return bytes;
}
