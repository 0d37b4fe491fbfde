/** A table as text, CSV or TSV: one record a row, under the names that its first row gives. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { pipeline } from 'node:stream';
import { type Draft, OpenLedgerError } from '@openledger/sdk';
import { parse } from 'csv-parse';
import type { RowOptions } from './problem.ts';
import { toDraft } from './to-draft.ts';

/** Longer rows are skipped and reported. */
const MAX_ROW_BYTES = 4_000_000;

/** No more of a row is held: a quote that nothing closes makes one row of all that follows. */
const MAX_HELD_BYTES = 32_000_000;

/** Names are read within this much of a file, and it decides what stands between cells. */
const HEAD_BYTES = 64_000;

const BYTE_ORDER_MARK = Buffer.of(0xef, 0xbb, 0xbf);

/** A row as it was cut: cells still bytes, because other encodings than UTF-8 are a problem of their row alone. */
type Row = { readonly line: number; readonly cells: readonly Buffer[] };

/**
 * Reads a table with quotes as RFC 4180 has them, any line ends, and commas, semicolons or tabs between cells.
 *
 * `text`, or the column named, is the record; licence and contributors are read as in JSON lines; every other cell
 * that is not empty is metadata. A row that cannot be read is reported by the line it begins on.
 *
 * @throws invalid_input when the first row has no column for the text, or names one twice
 */
export async function* csvDrafts(
  path: string,
  { onProblem, ...columns }: RowOptions = {},
): AsyncGenerator<Draft> {
  const name = basename(path);
  const report = (line: number, message: string) => onProblem?.({ path: name, line, message });
  let names: readonly string[] | undefined;
  for await (const { line, cells } of rowsOf(path, await layoutOf(path), report)) {
    if (names === undefined) {
      names = namesIn(cells, name, columns);
      continue;
    }
    try {
      const source = { kind: 'csv' as const, path: name, line };
      yield toDraft(rowOf(cells, names), { ...columns, source });
    } catch (error) {
      if (!(error instanceof OpenLedgerError)) throw error;
      report(line, error.message);
    }
  }
}

type Layout = { readonly delimiter: string; readonly start: number };

/** Where the names begin, behind a byte order mark; and what stands between them: of a `.tsv` the tab. */
async function layoutOf(path: string): Promise<Layout> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const start = buffer.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
    const isTsv = /^\.(?:tsv|tab)$/i.test(extname(path));
    const head = buffer.toString('latin1', start, bytesRead);
    return { start, delimiter: isTsv ? '\t' : oftenestIn(head.replaceAll(/"[^"]*"/g, '')) };
  } finally {
    await file.close();
  }
}

function oftenestIn(text: string): string {
  const line = text.split(/[\r\n]/, 1)[0];
  const countOf = (delimiter: string) => line.split(delimiter).length;
  return [',', ';', '\t'].reduce((a, b) => (countOf(b) > countOf(a) ? b : a));
}

/** Rows of any length, and quotes inside bare cells as they stand; a row without an end is reported, and is the last. */
async function* rowsOf(
  path: string,
  { delimiter, start }: Layout,
  report: (line: number, message: string) => void,
): AsyncGenerator<Row> {
  let endedAfter: number | undefined;
  const parser = parse({
    ...{ delimiter, encoding: null, info: true, max_record_size: MAX_HELD_BYTES },
    ...{ relax_column_count: true, relax_quotes: true, skip_empty_lines: true },
    // An error of the stream would take the rows before it along.
    skip_records_with_error: true,
    on_skip: (error) => {
      endedAfter ??= Number(error?.records);
    },
  });
  let line = 1;
  let empty = 0;
  for await (const { info, record } of pipeline(
    createReadStream(path, { start }),
    parser,
    () => {},
  )) {
    if (endedAfter !== undefined && info.records > endedAfter) break;
    line += info.empty_lines - empty;
    empty = info.empty_lines;
    yield { line, cells: record };
    line += record.reduce((sum: number, cell: Buffer) => sum + lineEndsIn(cell), 1);
  }
  if (endedAfter !== undefined)
    report(line, 'A quote in it is never closed. What follows is not read.');
}

function lineEndsIn(cell: Buffer): number {
  let count = 0;
  for (let at = cell.indexOf(0x0a); at >= 0; at = cell.indexOf(0x0a, at + 1)) count += 1;
  return count;
}

function namesIn(
  cells: Row['cells'],
  path: string,
  { textColumn = 'text' }: RowOptions,
): readonly string[] {
  const names = cells.map((cell) => cell.toString('utf8').trim());
  const twice = names.find((name, i) => name !== '' && names.indexOf(name) !== i);
  if (twice !== undefined) throw invalid(`${path} has two columns "${twice.slice(0, 100)}".`);
  if (names.includes(textColumn)) return names;
  const there = names.join(', ').slice(0, 300);
  throw invalid(
    `${path} has no column "${textColumn}". Say which it is with --text-column: ${there}.`,
  );
}

/** Cells that are not empty, by their column's name. @throws invalid_input, a sentence about the row */
function rowOf(cells: Row['cells'], names: readonly string[]): Readonly<Record<string, string>> {
  if (cells.length !== names.length)
    throw invalid(`It has ${cells.length} cells; the first row has ${names.length}.`);
  if (cells.reduce((sum, { length }) => sum + length, 0) > MAX_ROW_BYTES)
    throw invalid(`It has more than ${MAX_ROW_BYTES} bytes.`);
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const decoded = cells.map((cell) => decoder.decode(cell).replaceAll('\r\n', '\n'));
    const stated = names.map((name, i) => [name, decoded[i]] as const);
    return Object.fromEntries(stated.filter(([name, cell]) => name !== '' && cell !== ''));
  } catch {
    throw invalid('It is not valid UTF-8.');
  }
}

const invalid = (message: string) => new OpenLedgerError('invalid_input', message);
