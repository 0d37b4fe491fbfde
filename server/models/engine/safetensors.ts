/**
 * The safetensors file format, float32 only.
 *
 * A little-endian 64-bit header length, a JSON header (name -> dtype, shape, data_offsets), then the arrays, without
 * holes. Reading trusts nothing: a file comes from anywhere.
 * Source: github.com/huggingface/safetensors, README "Format".
 */
import { OpenLedgerError } from '@openledger/protocol';
import { z } from 'zod';
import { sizeOf } from '../../compute/tensor/graph.ts';
import type { Weights, WeightTensor } from './weights.ts';

/** The format's own limit on its header. */
const maxHeaderBytes = 100_000_000;

const count = z.int().nonnegative();
const entrySchema = z.strictObject({
  dtype: z.literal('F32'),
  shape: z.array(count),
  data_offsets: z.tuple([count, count]),
});
const metadataSchema = z.record(z.string(), z.string());

export type Safetensors = {
  readonly tensors: Weights;
  readonly metadata: Readonly<Record<string, string>>;
};

/** The same tensors and metadata give the same bytes: names are sorted, the header is padded to 8 bytes with spaces. */
export function encodeSafetensors({ tensors, metadata }: Safetensors): Uint8Array {
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  const entries: [string, unknown][] = [];
  let offset = 0;
  for (const [name, { shape, data }] of sorted) {
    const end = offset + data.byteLength;
    entries.push([name, { dtype: 'F32', shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const sortedMetadata = Object.fromEntries(
    Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const json = JSON.stringify(Object.fromEntries([['__metadata__', sortedMetadata], ...entries]));
  const text = Buffer.from(json, 'utf8');
  const header = Buffer.alloc(Math.ceil(text.length / 8) * 8, ' ');
  text.copy(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const arrays = sorted.map(([, { data }]) =>
    Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  );
  return Buffer.concat([length, header, ...arrays]);
}

/** @throws invalid_input when the bytes are not a well-formed float32 safetensors file */
export function decodeSafetensors(bytes: Uint8Array): Safetensors {
  const { header, data } = splitFile(bytes);
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
  const metadata = metadataSchema.safeParse(header.__metadata__ ?? {});
  if (!metadata.success) throw malformed('the metadata is not a map of strings');

  const tensors = new Map<string, WeightTensor>();
  const extents: (readonly [number, number])[] = [];
  for (const [name, entry] of entries) {
    const parsed = entrySchema.safeParse(entry);
    if (!parsed.success) throw malformed('an entry is not a float32 tensor', { name });
    const { shape, data_offsets: extent } = parsed.data;
    const [begin, end] = extent;
    const sizeBytes = sizeOf(shape) * 4;
    if (!Number.isSafeInteger(sizeBytes) || end - begin !== sizeBytes || end > data.length) {
      throw malformed('an extent does not fit its shape or the file', { name });
    }
    extents.push(extent);
    // Copied: an array of floats must begin at a multiple of four, a tensor in a file need not.
    tensors.set(name, {
      shape,
      data: new Float32Array(new Uint8Array(data.subarray(begin, end)).buffer),
    });
  }
  assertSeamless(extents, data.length);
  return { tensors, metadata: metadata.data };
}

function splitFile(bytes: Uint8Array): { header: Record<string, unknown>; data: Uint8Array } {
  if (bytes.length < 8) throw malformed('shorter than its header length');
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(Math.min(maxHeaderBytes, bytes.length - 8))) {
    throw malformed('the header is longer than the file or the format allow');
  }
  const end = 8 + Number(length);
  const header = parseHeader(bytes.subarray(8, end));
  return { header, data: bytes.subarray(end) };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  if (bytes[0] !== 0x7b) throw malformed('the header does not begin with a brace');
  let text: string;
  let json: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    json = JSON.parse(text);
  } catch (cause) {
    throw malformed('the header is not JSON', {}, cause);
  }
  const header = z.record(z.string(), z.unknown()).safeParse(json);
  if (!header.success || countKeys(json) !== countColons(text)) {
    throw malformed('the header is not an object with distinct keys');
  }
  return header.data;
}

/** JSON.parse keeps the last of two equal keys in silence; then there are more colons than keys. */
function countColons(text: string): number {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1;
}

function countKeys(json: unknown): number {
  if (typeof json !== 'object' || json === null) return 0;
  const values: readonly unknown[] = Object.values(json);
  const own = Array.isArray(json) ? 0 : values.length;
  return values.reduce<number>((total, value) => total + countKeys(value), own);
}

/** Every byte of the data belongs to exactly one tensor. */
function assertSeamless(extents: readonly (readonly [number, number])[], sizeBytes: number): void {
  let reached = 0;
  for (const [begin, end] of extents.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (begin !== reached) throw malformed('tensors overlap or leave a hole');
    reached = end;
  }
  if (reached !== sizeBytes) throw malformed('bytes are left over at the end');
}

const malformed = (reason: string, facts: Record<string, unknown> = {}, cause?: unknown) =>
  new OpenLedgerError(
    'invalid_input',
    `This is not a safetensors file we can read: ${reason}.`,
    facts,
    {
      cause,
    },
  );
