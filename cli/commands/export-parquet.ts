/** An exported snapshot as a Parquet file in the place of its JSON lines, and the description that is true of it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { realpath, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Croissant } from '@openledger/sdk';
import { openDuckDb, quoted } from '../duckdb.ts';

const FILE = 'records.parquet';

/** Of `ExportedRecord`, in the order of its canonical JSON. */
const COLUMNS = {
  ...{ contributors: 'VARCHAR[]', document: 'VARCHAR', hash: 'VARCHAR', licence: 'VARCHAR' },
  ...{ path: 'VARCHAR', quality: 'INTEGER', text: 'VARCHAR', url: 'VARCHAR' },
};

/** Rows that are written together: few enough that long texts fit into memory. */
const ROW_GROUP = 8192;

/** A line is one record, of at most a megabyte of text, which JSON may write six times as long. */
const MAX_LINE_BYTES = 16_000_000;

/**
 * Writes `records.parquet` beside the lines, reads it back, and removes them.
 *
 * @param lines a file of canonical `ExportedRecord`s that was held to its digest
 * @returns the description with this file as its only one
 * @throws unavailable where DuckDB is not installed
 */
export async function exportParquet(
  {
    folder,
    lines,
    records,
  }: { readonly folder: string; readonly lines: string; readonly records: number },
  description: Croissant,
): Promise<Croissant> {
  const root = await realpath(folder);
  const [from, to] = [join(root, basename(lines)), join(root, FILE)];
  await writeFile(to, ''); // DuckDB is allowed files that exist
  const database = await openDuckDb([from, to]);
  try {
    await database.run(`
      copy (
        select *
        from read_json([${quoted(from)}], format = 'newline_delimited', columns = ${columnsText()},
          maximum_object_size = ${MAX_LINE_BYTES}))
      to ${quoted(to)} (format parquet, compression zstd, row_group_size ${ROW_GROUP}, use_tmp_file false)`);
    const read = await database.runAndReadAll(
      `select count(*) filter (where sha256(text) = hash) from read_parquet([${quoted(to)}])`,
    );
    if (Number(read.getRows()[0][0]) !== records) throw new Error('Parquet has lost records.');
  } finally {
    database.closeSync();
  }
  await rm(from);
  return describe(description, { bytes: (await stat(to)).size, sha256: await digestOf(to) });
}

const columnsText = (): string =>
  `{${Object.entries(COLUMNS)
    .map(([name, type]) => `${name}: '${type}'`)
    .join(', ')}}`;

async function digestOf(file: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(file)) digest.update(chunk);
  return digest.digest('hex');
}

/** Everything else that the description says is as true of this file as of the lines. */
function describe(
  description: Croissant,
  { bytes, sha256 }: { readonly bytes: number; readonly sha256: string },
): Croissant {
  const file = {
    ...{ '@type': 'cr:FileObject' as const, '@id': FILE, name: FILE, contentUrl: FILE },
    ...{ contentSize: `${bytes} B`, encodingFormat: ['application/x-parquet'], sha256 },
  };
  const recordSet = description.recordSet.map((set) => ({
    ...set,
    field: set.field.map((field) => ({
      ...field,
      source: { ...field.source, fileObject: { '@id': FILE } },
    })),
  }));
  return { ...description, distribution: [file], recordSet };
}
