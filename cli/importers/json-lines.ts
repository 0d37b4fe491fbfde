/** The lines of a file of JSON, one value a line. */
import { createReadStream } from 'node:fs';
import { OpenLedgerError } from '@openledger/sdk';
import { cutBytes } from './cut-bytes.ts';
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
  let line = 0;
  const pieces = { separator: NEWLINE, maxBytes: MAX_LINE_BYTES };
  for await (const bytes of cutBytes(createReadStream(path), pieces)) {
    line += 1;
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

const NEWLINE = 0x0a;
