/** Sealed snapshots in memory, with their trace indexes: loaded when first asked for, the longest unused let go. */
import { join } from 'node:path';
import {
  firstAtLeast,
  informationIn,
  ownersByWord,
  type Shares,
  sharesOf,
  sumUnigramTables,
  type UnigramTable,
  wordStarts,
} from '@openledger/protocol';
import { createPageCache, type PageCache } from '../platform/page-cache.ts';
import type { SnapshotSource } from './stage.ts';
import { buildTraceIndex, type TraceIndex } from './trace/trace-index.ts';
import { openTraceLog, type TraceLog } from './trace/trace-log.ts';

/** What was sealed and never changes. */
export type ShelvedSnapshot = {
  readonly snapshotId: string;
  /** SHA-256 of the manifest. */
  readonly hash: string;
  readonly information: UnigramTable;
  /** Undefined where the snapshot does not hold the record. */
  textOf(recordHash: string): string | undefined;
  /** The number of the word that begins at an offset of a record's text. */
  wordAt(recordHash: string, offset: number): number;
  /** Whose a record is. */
  ownersOf(recordHash: string): Shares | undefined;
  /** Whose a record's word is, by its number. */
  ownersOfWord(recordHash: string, word: number): Shares | undefined;
  /**
   * Of all records; opened when it is first needed, and built then where it was never kept: seconds for tens of megabytes.
   */
  index(): Promise<TraceIndex>;
};

export type SnapshotShelf = {
  /** @throws not_found */
  find(snapshotId: string): Promise<ShelvedSnapshot>;
  /** Information of words under the tables of several snapshots together, in 1/65,536 bits. */
  informationOf(snapshots: readonly ShelvedSnapshot[]): (word: string) => number;
};

const MOST_SNAPSHOTS = 32;
const MOST_TABLES = 64;

/** Of all indexes together. */
const CACHE_BYTES = 512 * 2 ** 20;

/** @param folder where trace indexes are kept; without one they are built in memory, by each process anew */
export function createSnapshotShelf(
  source: Pick<SnapshotSource, 'load'>,
  folder?: string,
): SnapshotShelf {
  const kept = folder ? { folder, pages: createPageCache({ mostBytes: CACHE_BYTES }) } : undefined;
  const snapshots = new Map<string, Promise<ShelvedSnapshot>>();
  const tables = new Map<string, (word: string) => number>();
  return {
    find: (snapshotId) =>
      keep(snapshots, snapshotId, MOST_SNAPSHOTS, () => load(source, { snapshotId, kept })),
    informationOf(among) {
      const distinct = new Map(among.map((one) => [one.snapshotId, one.information]));
      return keep(tables, [...distinct.keys()].sort().join(' '), MOST_TABLES, () =>
        informationIn(sumUnigramTables([...distinct.values()])),
      );
    },
  };
}

async function load(
  source: Pick<SnapshotSource, 'load'>,
  { snapshotId, kept }: { readonly snapshotId: string; readonly kept: Kept | undefined },
): Promise<ShelvedSnapshot> {
  const { hash, records, information } = await source.load(snapshotId);
  const byHash = new Map(records.map((record) => [record.hash, record]));
  const asked = new Map<string, (word: number) => Shares>();
  const starts = new Map<string, Int32Array>();
  let index: Promise<TraceIndex> | undefined;
  const textOf = (recordHash: string) => byHash.get(recordHash)?.text;
  const keptIndex = async ({ folder, pages }: Kept): Promise<TraceIndex> => {
    const textOfAny = (recordHash: string) => textOf(recordHash) ?? '';
    const log = openTraceLog(join(folder, snapshotId), { pages, textOf: textOfAny });
    log.add(records.filter((record) => !log.has(record.hash)));
    await log.flush();
    letGo.register(shelved, log);
    return log.index();
  };
  const shelved: ShelvedSnapshot = {
    snapshotId,
    hash,
    information,
    textOf,
    wordAt(recordHash, offset) {
      const known = starts.get(recordHash) ?? wordStarts(byHash.get(recordHash)?.text ?? '');
      starts.set(recordHash, known);
      return firstAtLeast(known, offset);
    },
    ownersOf(recordHash) {
      const record = byHash.get(recordHash);
      return record && sharesOf(record.owners);
    },
    ownersOfWord(recordHash, word) {
      const record = byHash.get(recordHash);
      if (!record) return undefined;
      const ownersOf = asked.get(recordHash) ?? ownersByWord(record.map);
      asked.set(recordHash, ownersOf);
      return ownersOf(word);
    },
    index() {
      index ??= kept ? keptIndex(kept) : Promise.resolve(buildTraceIndex(records));
      index.catch(() => {
        index = undefined; // it is tried again when it is asked for again
      });
      return index;
    },
  };
  return shelved;
}

/** Trace indexes on disk. */
type Kept = { readonly folder: string; readonly pages: PageCache };

/** Closes the files of a snapshot when nobody has it any more: a query under way still reads them. */
const letGo = new FinalizationRegistry<TraceLog>((log) => log.close());

/** What is asked for goes to the end of the map; what stands first was not asked for longest. A failure is forgotten. */
function keep<V>(shelf: Map<string, V>, key: string, most: number, make: () => V): V {
  const kept = shelf.get(key) ?? make();
  shelf.delete(key);
  shelf.set(key, kept);
  if (kept instanceof Promise) kept.catch(() => shelf.get(key) === kept && shelf.delete(key));
  for (const oldest of shelf.keys()) {
    if (shelf.size <= most) break;
    shelf.delete(oldest);
  }
  return kept;
}
