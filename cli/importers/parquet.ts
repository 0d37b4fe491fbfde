/** A Parquet file: one record a row, read a few thousand rows at a time. */
import { realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import type { DuckDBConnection, Json } from '@duckdb/node-api';
import { type Draft, OpenLedgerError } from '@openledger/sdk';
import { openDuckDb, quoted } from '../duckdb.ts';
import type { RowOptions } from './problem.ts';
import { toDraft } from './to-draft.ts';

/** Longer texts are not taken out of the file. */
const MAX_TEXT_BYTES = 4_000_000;

/**
 * Reads the columns that JSON lines have as members: text, licence, contributors; others become metadata.
 *
 * Columns of bytes (pictures, sound) are left out. Integers of 64 bits and decimals become texts, so that none is
 * rounded. Rows that cannot be read are reported by their number, from 1.
 *
 * @throws invalid_input when there is no column for the text
 */
export async function* parquetDrafts(
  path: string,
  { onProblem, ...columns }: RowOptions = {},
): AsyncGenerator<Draft> {
  const name = basename(path);
  const file = await realpath(path);
  const database = await openDuckDb([file]);
  let line = 0;
  try {
    for await (const row of rowsOf(database, { file, name, ...columns })) {
      line += 1;
      try {
        yield toDraft(row, { ...columns, source: { kind: 'parquet', path: name, line } });
      } catch (error) {
        if (!(error instanceof OpenLedgerError)) throw error;
        onProblem?.({ path: name, line, message: error.message });
      }
    }
  } catch (error) {
    if (error instanceof OpenLedgerError) throw error;
    const at = line === 0 ? {} : { line: line + 1 };
    onProblem?.({ path: name, ...at, message: `It cannot be read: ${firstLine(error)}` });
  } finally {
    database.closeSync();
  }
}

type Row = Readonly<Record<string, Json>>;

async function* rowsOf(
  database: DuckDBConnection,
  {
    file,
    name,
    textColumn = 'text',
  }: RowOptions & { readonly file: string; readonly name: string },
): AsyncGenerator<Row> {
  const source = `read_parquet([${quoted(file)}], hive_partitioning = false)`;
  const described = await database.runAndReadAll(`describe select * from ${source}`);
  const columns = described.getRowObjectsJson().map((row) => ({
    name: String(row.column_name),
    type: String(row.column_type),
  }));
  const text = columns.find((column) => column.name === textColumn);
  if (text?.type !== 'VARCHAR') {
    const there = columns
      .map((column) => column.name)
      .join(', ')
      .slice(0, 300);
    throw new OpenLedgerError(
      'invalid_input',
      `${name} has no column "${textColumn}" of text. Say which it is with --text-column: ${there}.`,
    );
  }
  const wanted = columns
    .filter(({ type }) => !/\bBLOB\b/.test(type))
    .map((column) => {
      const id = `"${column.name.replaceAll('"', '""')}"`;
      return column === text
        ? `case when strlen(${id}) <= ${MAX_TEXT_BYTES} then ${id} end as ${id}`
        : id;
    });
  const result = await database.stream(`select ${wanted.join(', ')} from ${source}`);
  for await (const rows of result.yieldRowObjectJson()) yield* rows.map(withoutEmpty);
}

const withoutEmpty = (row: Row): Row =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));

const firstLine = (error: unknown): string => String(error).split('\n', 1)[0].slice(0, 300);
