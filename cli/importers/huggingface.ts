/** A Hugging Face dataset as a folder on disk: its data files, by its card or by their names. */
import { lstat, realpath } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { type Draft, OpenLedgerError } from '@openledger/sdk';
import { chatDrafts } from './chat.ts';
import { csvDrafts } from './csv.ts';
import { type DatasetCard, readCard } from './dataset-card.ts';
import { filesUnder } from './files-under.ts';
import { holdsChat } from './holds-chat.ts';
import { jsonlDrafts } from './jsonl.ts';
import { matchesPath } from './match-path.ts';
import { parquetDrafts } from './parquet.ts';
import type { RowOptions } from './problem.ts';
import { readText } from './read-text.ts';

const DATA_FILE = /\.(?:parquet|jsonl|ndjson|json|csv|tsv)$/i;

type DataFile = { readonly path: string; readonly split?: string; readonly config?: string };

/**
 * Reads the files that the card's `configs` name (`*`, `?` and `**` stand for others); without them those in `data`, or
 * else all. Rows are read as Parquet, CSV and JSON lines are; lines with `messages` as conversations.
 *
 * The card's licence stands before the one given, and before it that of a row. Data set, configuration, split and
 * language become metadata. Nothing is fetched.
 *
 * @throws invalid_input when the card is no card, names files outside the folder, or names or leaves nothing to read
 */
export async function* huggingFaceDrafts(
  folder: string,
  { licence, onProblem, ...columns }: RowOptions = {},
): AsyncGenerator<Draft> {
  const root = await realpath(folder);
  const card = await cardOf(root);
  const { name = basename(root), languages } = card;
  for (const { path, ...place } of await dataFilesOf(root, card, onProblem)) {
    const facts = {
      dataset: name,
      ...place,
      ...(languages.length > 0 ? { language: languages.join(', ') } : {}),
    };
    const report: RowOptions['onProblem'] = (problem) => onProblem?.({ ...problem, path });
    const options = { ...columns, licence: card.licence ?? licence, onProblem: report };
    try {
      for await (const draft of await rowsOf(join(root, path), options)) {
        const source = draft.source && { ...draft.source, path };
        yield { ...draft, source, metadata: { ...draft.metadata, ...facts } };
      }
    } catch (error) {
      if (!(error instanceof OpenLedgerError) || error.code !== 'invalid_input') throw error;
      report({ path, message: error.message });
    }
  }
}

async function cardOf(root: string): Promise<DatasetCard> {
  const path = join(root, 'README.md');
  const isThere = await lstat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  const read = isThere ? await readText(path) : { text: '' };
  if ('refusal' in read) throw invalid(`README.md: ${read.refusal}`);
  return readCard(read.text);
}

async function dataFilesOf(
  root: string,
  { files }: DatasetCard,
  onProblem: RowOptions['onProblem'],
): Promise<readonly DataFile[]> {
  const paths: string[] = [];
  for await (const path of filesUnder(root, DATA_FILE, onProblem)) paths.push(path);
  const found = files ? named(paths, files) : conventional(paths);
  if (found.length > 0) return found;
  throw invalid(
    `${basename(root)} has no data files${files ? ' of those that its card names' : ''}.`,
  );
}

/** Each file once, under the first name that fits. */
const named = (
  paths: readonly string[],
  files: NonNullable<DatasetCard['files']>,
): readonly DataFile[] => {
  const taken = new Set<string>();
  return files.flatMap(({ config, split, patterns }) =>
    paths.flatMap((path) => {
      const fits = patterns.some((pattern) => matchesPath(path, pattern.replace(/^(?:\.\/)+/, '')));
      if (!fits || taken.has(path)) return [];
      taken.add(path);
      return [{ path, config, split }];
    }),
  );
};

/** What `save_to_disk` and other tools write beside the data. */
const ABOUT_DATA = /(?:^|\/)(?:dataset_infos?|dataset_dict|state|croissant|metadata)\.json$/i;

const SPLIT =
  /(?:^|[/_.-])(?:(train(?:ing)?)|(valid(?:ation)?|val|dev)|(test(?:ing)?|eval(?:uation)?))(?=[/_.-]|$)/i;

function conventional(paths: readonly string[]): readonly DataFile[] {
  const files = paths.filter((path) => !ABOUT_DATA.test(path));
  const inside = files.filter((path) => path.startsWith('data/'));
  return (inside.length > 0 ? inside : files).map((path) => {
    const [, train, validation, test] = SPLIT.exec(path) ?? [];
    const split = (train && 'train') ?? (validation && 'validation') ?? (test && 'test');
    return { path, ...(split ? { split } : {}) };
  });
}

async function rowsOf(file: string, options: RowOptions): Promise<AsyncIterable<Draft>> {
  const ending = extname(file).toLowerCase();
  if (ending === '.parquet') return parquetDrafts(file, options);
  if (ending === '.csv' || ending === '.tsv') return csvDrafts(file, options);
  return (await holdsChat(file)) ? chatDrafts(file, options) : jsonlDrafts(file, options);
}

const invalid = (message: string) => new OpenLedgerError('invalid_input', message);
