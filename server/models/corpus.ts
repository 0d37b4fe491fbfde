/** A snapshot's texts as the engine reads them: documents, each the records cut from one source, in order. */
import { access, readFile } from 'node:fs/promises';
import type { Datanets } from '../datanets/index.ts';
import { writeAtomically } from '../platform/write-atomically.ts';
import type { ModelFolders } from './folders.ts';

export type CorpusRecord = { readonly hash: string; readonly text: string };
export type CorpusDocument = { readonly records: readonly CorpusRecord[] };
export type Corpus = { readonly documents: readonly CorpusDocument[] };

/** A document's text: its records were cut at blank lines. */
export const textOf = ({ records }: CorpusDocument): string =>
  records.map(({ text }) => text.trim()).join('\n\n');

export const readCorpus = async (file: string): Promise<Corpus> =>
  JSON.parse(await readFile(file, 'utf8'));

/**
 * Writes a snapshot's corpus once for each set of withdrawn records, so that what is withdrawn is never read again.
 *
 * @returns the file
 */
export async function writeCorpus(
  datanets: Datanets,
  { folders, snapshotId }: { readonly folders: ModelFolders; readonly snapshotId: string },
): Promise<string> {
  const { version } = await datanets.poolOf(snapshotId);
  const file = folders.corpus(snapshotId, version);
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  if (exists) return file;
  const documents = new Map<string, CorpusRecord[]>();
  for await (const record of datanets.snapshotRecords(snapshotId)) {
    if (record.withdrawn) continue;
    const records = documents.get(record.document) ?? [];
    records.push({ hash: record.recordHash, text: record.text });
    documents.set(record.document, records);
  }
  await writeAtomically(
    file,
    JSON.stringify({ documents: [...documents.values()].map((records) => ({ records })) }),
  );
  return file;
}
