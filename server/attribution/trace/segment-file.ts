/**
 * A shard in a file, written once: symbols and suffixes are read page by page, all else is held in memory.
 *
 *     magic (8 bytes) | length of the head (4, lowest byte first) | head: JSON | the sections, as the head says
 *
 * Symbols and suffixes take three bytes each, the filter half a byte for each position; the rest hangs on how many distinct tokens
 * there are.
 */
import { closeSync, fsyncSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { crc32 } from 'node:zlib';
import { OpenLedgerError } from '@openledger/protocol';
import { z } from 'zod';
import { bucketHeads } from '../../compute/suffix-array.ts';
import { differences, packNumbers, sums, unpackNumbers } from '../../compute/varint.ts';
import { type PageCache, packColumn } from '../../platform/page-cache.ts';
import { openShard, type TraceShard } from './shard.ts';
import type { ShardColumns } from './shard-columns.ts';

const MAGIC = 'OLTRACE1';

/** Positions that three bytes tell apart. */
export const MOST_POSITIONS = 2 ** 24;

const sectionNames = [
  ...['hashes', 'firsts', 'marks', 'tokens', 'gaps', 'pairTokens', 'pairGaps', 'filter', 'heads'],
  ...['symbolChecksums', 'suffixChecksums', 'symbols', 'suffixes'],
] as const;
type SectionName = (typeof sectionNames)[number];

const Head = z.strictObject({
  records: z.int().min(0),
  positions: z.int().min(0).max(MOST_POSITIONS),
  sections: z.record(
    z.string(),
    z.strictObject({ offset: z.int().min(0), bytes: z.int().min(0), checksum: z.int().min(0) }),
  ),
});
type Head = z.output<typeof Head>;

/**
 * Writes a segment under another name, makes it durable, and gives it its name: a file of that name is whole.
 *
 * @throws RangeError for more positions or symbols than three bytes tell apart
 */
export function writeSegment(path: string, columns: ShardColumns): void {
  const { symbols, suffixes, pairTokens } = columns;
  if (symbols.length > MOST_POSITIONS || pairTokens.length >= MOST_POSITIONS) {
    throw new RangeError(`A segment has at most ${MOST_POSITIONS} positions.`);
  }
  const [packedSymbols, packedSuffixes] = [packColumn(symbols), packColumn(suffixes)];
  const bytesOf: Record<SectionName, Uint8Array> = {
    hashes: lineBytes(columns.hashes),
    firsts: packNumbers(differences(columns.firsts)),
    marks: packNumbers(columns.marks),
    tokens: lineBytes(columns.tokens),
    gaps: jsonBytes(columns.gaps),
    pairTokens: packNumbers(differences(pairTokens)),
    pairGaps: packNumbers(columns.pairGaps),
    filter: arrayBytes(columns.filter.bits),
    heads: packNumbers(differences(bucketHeads(symbols, pairTokens.length + 1))),
    symbolChecksums: arrayBytes(packedSymbols.checksums),
    suffixChecksums: arrayBytes(packedSuffixes.checksums),
    symbols: packedSymbols.bytes,
    suffixes: packedSuffixes.bytes,
  };
  let offset = 0;
  const sections: Head['sections'] = {};
  for (const name of sectionNames) {
    const { length } = bytesOf[name];
    sections[name] = { offset, bytes: length, checksum: crc32(bytesOf[name]) };
    offset += length;
  }
  const head = Buffer.from(
    JSON.stringify({ records: columns.hashes.length, positions: symbols.length, sections }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  const temporary = `${path}.part`;
  const file = openSync(temporary, 'w');
  try {
    for (const bytes of [
      Buffer.from(MAGIC),
      length,
      head,
      ...sectionNames.map((name) => bytesOf[name]),
    ]) {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

export type Segment = {
  readonly shard: TraceShard;
  readonly bytes: number;
  close(): void;
};

/** @throws unavailable when the file is not a whole segment */
export function openSegment(
  path: string,
  { pages, textOf }: { readonly pages: PageCache; readonly textOf: TraceShard['textOf'] },
): Segment {
  const file = openSync(path, 'r');
  try {
    const { head, start } = readHead(file, path);
    const placeOf = (name: SectionName) => {
      const section = head.sections[name];
      if (!section) throw damaged(path);
      return { offset: start + section.offset, bytes: section.bytes, checksum: section.checksum };
    };
    const read = (name: SectionName): Buffer => {
      const { offset, bytes, checksum } = placeOf(name);
      const found = readAt(file, offset, bytes);
      if (!found || crc32(found) !== checksum) throw damaged(path);
      return found;
    };
    const column = (name: 'symbols' | 'suffixes', checksums: Uint32Array) =>
      pages.column({
        ...{ file, name: basename(path), offset: placeOf(name).offset },
        ...{ length: head.positions, checksums },
      });
    const pairTokens = sums(unpackNumbers(read('pairTokens')));
    const pairGaps = unpackNumbers(read('pairGaps'));
    const shard = openShard(
      {
        ...{
          hashes: linesIn(read('hashes')),
          tokens: linesIn(read('tokens')),
          gaps: textsIn(read('gaps')),
        },
        ...{
          firsts: sums(unpackNumbers(read('firsts'))),
          marks: unpackNumbers(read('marks')),
          pairTokens,
          pairGaps,
        },
        filter: { bits: new Uint32Array(numbersIn(read('filter')).buffer) },
      },
      {
        index: {
          length: head.positions,
          symbolAt: column('symbols', new Uint32Array(numbersIn(read('symbolChecksums')).buffer)),
          suffixAt: column('suffixes', new Uint32Array(numbersIn(read('suffixChecksums')).buffer)),
          heads: sums(unpackNumbers(read('heads'))),
        },
        textOf,
      },
    );
    const last = placeOf('suffixes');
    return { shard, bytes: last.offset + last.bytes, close: () => closeSync(file) };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function readHead(file: number, path: string): { readonly head: Head; readonly start: number } {
  const prefix = readAt(file, 0, MAGIC.length + 4);
  if (prefix?.toString('latin1', 0, MAGIC.length) !== MAGIC) throw damaged(path);
  const length = prefix.readUInt32LE(MAGIC.length);
  const bytes = readAt(file, prefix.length, length);
  const { data: head } = Head.safeParse(parsed(bytes));
  if (!head) throw damaged(path);
  return { head, start: prefix.length + length };
}

function parsed(bytes: Buffer | undefined): unknown {
  try {
    return bytes && JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** @returns undefined where the file ends before */
function readAt(file: number, offset: number, length: number): Buffer | undefined {
  if (length > 2 ** 31) return undefined;
  const bytes = Buffer.alloc(length);
  let at = 0;
  while (at < length) {
    const read = readSync(file, bytes, at, length - at, offset + at);
    if (read === 0) return undefined;
    at += read;
  }
  return bytes;
}

const damaged = (path: string): OpenLedgerError =>
  new OpenLedgerError('unavailable', `${basename(path)} is not a whole segment.`);

/** Machines that run Node count from the lowest byte. */
const arrayBytes = (array: Int32Array | Uint32Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function numbersIn(bytes: Buffer): Int32Array<ArrayBuffer> {
  const numbers = new Int32Array(bytes.length >>> 2);
  new Uint8Array(numbers.buffer).set(bytes.subarray(0, numbers.byteLength));
  return numbers;
}

const jsonBytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

const textsIn = (bytes: Buffer): readonly string[] =>
  z.array(z.string()).parse(JSON.parse(bytes.toString('utf8')));

/** Of texts without white space; JSON still, since a token may be half of a surrogate pair. */
const lineBytes = (texts: readonly string[]): Uint8Array => jsonBytes(texts.join('\n'));

function linesIn(bytes: Buffer): readonly string[] {
  const text = z.string().parse(JSON.parse(bytes.toString('utf8')));
  return text === '' ? [] : text.split('\n');
}
