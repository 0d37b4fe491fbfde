/** A JSONL file: one record a line. */
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { Draft, OpenLedgerError } from '@openledger/sdk';
import type { ImporterOptions } from './problem.ts';

/** Longer lines are skipped and reported. */
const MAX_LINE_BYTES = 4_000_000;

/**
 * Reads `{ text, licence?, contributors?: [{ identity | handle, weight }], metadata?, ... }` a line.
 *
 * Members that are none of these are kept as metadata. A line that cannot be read is reported by its number.
 */
export async function* jsonlDrafts(
  path: string,
  { licence, onProblem }: ImporterOptions = {},
): AsyncGenerator<Draft> {
  const name = basename(path);
  for await (const { line, bytes } of linesOf(createReadStream(path))) {
    if (bytes === undefined) {
      onProblem?.({ path: name, line, message: `It has more than ${MAX_LINE_BYTES} bytes.` });
      continue;
    }
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      if (text.trim() === '') continue;
      yield toDraft(JSON.parse(text), { licence, source: { kind: 'jsonl', path: name, line } });
    } catch (error) {
      onProblem?.({ path: name, line, message: reasonOf(error) });
    }
  }
}

const reasonOf = (error: unknown): string => {
  if (error instanceof OpenLedgerError) return error.message;
  if (error instanceof RangeError) return 'It is nested too deeply.';
  return error instanceof SyntaxError ? 'It is not JSON.' : 'It is not valid UTF-8.';
};

function toDraft(value: unknown, given: Pick<Draft, 'licence' | 'source'>): Draft {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new OpenLedgerError('invalid_input', 'It is not an object.');
  }
  const { text, licence, contributors, metadata, ...rest } = value as Readonly<
    Record<string, unknown>
  >;
  const parsed = Draft.safeParse({
    text,
    licence: licence ?? given.licence,
    contributors: Array.isArray(contributors) ? contributors.map(toContributor) : contributors,
    source: given.source,
    metadata: Object.keys(rest).length > 0 ? { ...rest, ...asObject(metadata) } : metadata,
  });
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  throw new OpenLedgerError('invalid_input', `${path.join('.') || 'The line'}: ${message}`);
}

/** `handle` is short for an identity of that kind; a bare identity weighs as much as the others. */
function toContributor(value: unknown): unknown {
  if (typeof value === 'string') return { identity: value, weight: 1 };
  if (typeof value !== 'object' || value === null || !('handle' in value)) return value;
  const { handle, ...rest } = value;
  return { identity: `handle:${String(handle)}`, ...rest };
}

const asObject = (value: unknown): object =>
  typeof value === 'object' && value !== null ? value : {};

/** Lines as bytes, numbered from 1; undefined bytes where a line is too long to be held. */
async function* linesOf(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<{ readonly line: number; readonly bytes: Buffer | undefined }> {
  let line = 1;
  let parts: Buffer[] = [];
  let size = 0;
  const keep = (part: Buffer) => {
    size += part.length;
    if (size <= MAX_LINE_BYTES) parts.push(part);
    else parts = [];
  };
  const finish = () => {
    const bytes = size > MAX_LINE_BYTES ? undefined : Buffer.concat(parts);
    parts = [];
    size = 0;
    return { line: line++, bytes };
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      keep(chunk.subarray(start, end));
      start = end + 1;
      yield finish();
    }
    keep(chunk.subarray(start));
  }
  if (size > 0) yield finish();
}
