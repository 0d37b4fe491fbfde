/** Where passages of sealed records were written: by whom, in which file, on which line. */
import { keepsLines, type RecordSource } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { documentLines } from './retrieval/origins.ts';
import { findSnapshot, findSnapshotRecords, type SnapshotRecord } from './snapshots.ts';

/** A place in a record of a snapshot: an offset into its text, UTF-16. */
export type PassagePlace = { readonly recordHash: string; readonly offset: number };

export type PassageSource = {
  /** With the line of the file that the passage begins on, where the file has lines. */
  readonly source: RecordSource;
  readonly licence: string;
  /** Identities, the largest owner first. */
  readonly contributors: readonly string[];
};

/** Records read together. */
const PAGE = 500;

/** @returns one a place, in their order; undefined where the record is withdrawn, or not in the snapshot. @throws not_found */
export async function passageSources(
  reader: Reader,
  snapshotId: string,
  places: readonly PassagePlace[],
): Promise<readonly (PassageSource | undefined)[]> {
  const { datanetId } = await findSnapshot(reader, snapshotId);
  const hashes = [...new Set(places.map(({ recordHash }) => recordHash))];
  const sources = new Map<PassagePlace, PassageSource>();
  for (let from = 0; from < hashes.length; from += PAGE) {
    const page = hashes.slice(from, from + PAGE);
    const records = new Map(
      (await findSnapshotRecords(reader, snapshotId, page))
        .filter(({ withdrawn }) => !withdrawn)
        .map((record) => [record.recordHash, record]),
    );
    const known = places.flatMap((place) => {
      const record = records.get(place.recordHash);
      return record ? [{ place, record }] : [];
    });
    const lines = await linesOf(reader, datanetId, known);
    for (const [i, { place, record }] of known.entries()) {
      const { source, licence, contributors } = record;
      const line = keepsLines(source) && source.path !== undefined ? lines[i] : source.line;
      sources.set(place, { source: { ...source, line }, licence, contributors });
    }
  }
  return places.map((place) => sources.get(place));
}

/** Lines of the files. A leaf names that of its record's first line; from there the refinements say how far it is. */
async function linesOf(
  reader: Reader,
  datanetId: string,
  known: readonly { readonly place: PassagePlace; readonly record: SnapshotRecord }[],
): Promise<readonly (number | undefined)[]> {
  const asked = known.map(({ place, record: { recordHash, document, text } }) => ({
    ...{ recordHash, documentHash: document },
    lines: [1, text.slice(0, place.offset).split('\n').length],
  }));
  const found = await documentLines(reader, datanetId, asked);
  return known.map(({ record: { source } }, i) => {
    const [first, line] = found[i] ?? [];
    return first === undefined || line === undefined
      ? source.line
      : (source.line ?? 1) + line - first;
  });
}
