/** Sealed snapshots in memory, with their trace indexes: loaded when first asked for, the longest unused let go. */
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
import type { SnapshotSource } from './stage.ts';
import { buildTraceIndex, type TraceIndex } from './trace/trace-index.ts';

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
  /** Of all records; built when it is first needed, seconds for tens of megabytes. */
  index(): TraceIndex;
};

export type SnapshotShelf = {
  /** @throws not_found */
  find(snapshotId: string): Promise<ShelvedSnapshot>;
  /** Information of words under the tables of several snapshots together, in 1/65,536 bits. */
  informationOf(snapshots: readonly ShelvedSnapshot[]): (word: string) => number;
};

const MOST_SNAPSHOTS = 32;
const MOST_TABLES = 64;

export function createSnapshotShelf(source: Pick<SnapshotSource, 'load'>): SnapshotShelf {
  const snapshots = new Map<string, Promise<ShelvedSnapshot>>();
  const tables = new Map<string, (word: string) => number>();
  return {
    find: (snapshotId) =>
      keep(snapshots, snapshotId, MOST_SNAPSHOTS, () => load(source, snapshotId)),
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
  snapshotId: string,
): Promise<ShelvedSnapshot> {
  const { hash, records, information } = await source.load(snapshotId);
  const byHash = new Map(records.map((record) => [record.hash, record]));
  const asked = new Map<string, (word: number) => Shares>();
  const starts = new Map<string, Int32Array>();
  let index: TraceIndex | undefined;
  return {
    snapshotId,
    hash,
    information,
    textOf: (recordHash) => byHash.get(recordHash)?.text,
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
    index: () => (index ??= buildTraceIndex(records)),
  };
}

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
