/** Where a passage stands in the source of its record, as an editor would name it: `zod@4.6.7 README.md:12`. */
import { keepsLines, type RecordSource } from '@openledger/protocol';

/** A record's source, and for each of its lines the line of the record it was refined from, where it was. */
export type Origin = {
  readonly source: RecordSource;
  readonly parents: readonly { readonly lines: readonly number[] }[];
};

/** @param start UTF-16 offset of the passage in the record's text */
export function placeOf({ source, parents }: Origin, text: string, start: number): string {
  const at = source.version ? `@${source.version}` : '';
  const from = source.package ? `${source.package}${at}` : source.url;
  const line = lineOf({ source, parents }, text, start);
  const path = source.path ? `${source.path}${line === undefined ? '' : `:${line}`}` : undefined;
  const page = source.page === undefined ? undefined : `page ${source.page}`;
  const commit = source.commit ? `(${source.commit.slice(0, 8)})` : undefined;
  const named = [from, path, page, commit].filter((part) => part !== undefined);
  return named.length > 0 ? named.join(' ') : unnamed[source.kind];
}

/** Lines are counted on from where the record begins, where they are its file's. */
function lineOf({ source, parents }: Origin, text: string, start: number): number | undefined {
  if (source.line === undefined || !keepsLines(source)) return source.line;
  const below = text.slice(0, start).split('\n').length - 1;
  const [parent] = parents;
  return source.line + (parent ? parent.lines[below] - parent.lines[0] : below);
}

const unnamed: Readonly<Record<RecordSource['kind'], string>> = {
  git: 'from a git repository',
  npm: 'from an npm package',
  directory: 'from a directory',
  jsonl: 'from a JSONL file',
  csv: 'from a table',
  parquet: 'from a Parquet file',
  chat: 'from a file of conversations',
  html: 'from a page',
  pdf: 'from a PDF file',
  api: 'contributed through the API',
};
