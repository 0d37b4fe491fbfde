/** The lines of a file of JSON, one value a line. */
import { createReadStream } from 'node:fs';
import { OpenLedgerError } from '@openledger/sdk';
import type { ImporterOptions } from './problem.ts';

/** Longer lines are skipped and reported. */
const MAX_LINE_BYTES = 4_000_000;

/**
 * Gives what `read` makes of each line, numbered from 1; empty lines are passed over.
 *
 * A line that is no JSON, or that `read` refuses with a sentence, is reported by its number.
 */
export async function* jsonLines<Read>(
  { path, name }: { readonly path: string; readonly name: string },
  read: (value: unknown, line: number) => Read,
  onProblem: ImporterOptions['onProblem'],
): AsyncGenerator<Read> {
  for await (const { line, bytes } of linesOf(createReadStream(path))) {
    if (bytes === undefined) {
      onProblem?.({ path: name, line, message: `It has more than ${MAX_LINE_BYTES} bytes.` });
      continue;
    }
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      if (text.trim() !== '') yield read(JSON.parse(text), line);
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
