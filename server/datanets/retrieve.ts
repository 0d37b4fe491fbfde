/** Retrieval over the newest sealed snapshot of a datanet, without what was withdrawn. */
import { type Id, OpenLedgerError, type RecordSource } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { findDatanet } from './datanets.ts';
import { buildHybridIndex, type HybridIndex, type PassageSearch } from './hybrid-index.ts';
import {
  findSnapshotRecords,
  newestSnapshot,
  type Snapshot,
  snapshotRecords,
} from './snapshots.ts';

export type RetrievedRecord = {
  readonly recordHash: string;
  readonly snapshotId: Id<'snapshot'>;
  readonly text: string;
  readonly licence: string;
  /** Larger is nearer; comparable within one datanet and one mode. */
  readonly score: number;
  readonly source: RecordSource;
  /** Identities, the largest owner first. */
  readonly contributors: readonly string[];
};

/** Indexes held in memory; the one not asked for longest goes first. */
const MOST_INDEXES = 8;

export type Retrieval = {
  readonly limit: number;
  /** Absent: `words`. */
  readonly mode?: PassageSearch['mode'];
  /** Absent: any. */
  readonly licences?: readonly string[];
  /** 0 to 1, in mode `hybrid`. */
  readonly diversity?: number;
};

export type Retriever = (
  datanetId: string,
  query: string,
  retrieval: Retrieval,
) => Promise<readonly RetrievedRecord[]>;

/** Its passages are records: what is asked about them without a look into the database. */
type Index = HybridIndex & {
  readonly records: readonly { readonly hash: string; readonly licence: string }[];
};

/** An index is built when it is first asked for, and again once the snapshot or its pool version has changed. */
export function createRetriever(reader: Reader): Retriever {
  const indexes = new Map<string, Promise<Index>>();

  function indexOf(snapshot: Snapshot): Promise<Index> {
    const key = `${snapshot.id}:${snapshot.poolVersion}`;
    const index = indexes.get(key) ?? buildIndex(reader, snapshot);
    indexes.delete(key);
    indexes.set(key, index); // the youngest is last
    index.catch(() => indexes.delete(key));
    for (const oldest of indexes.keys()) {
      if (indexes.size <= MOST_INDEXES) break;
      indexes.delete(oldest);
    }
    return index;
  }

  /** @throws not_found for an unknown datanet, unprocessable while it has no snapshot */
  return async (datanetId, query, retrieval) => {
    const snapshot = await newestSnapshot(reader, datanetId);
    if (!snapshot) {
      await findDatanet(reader, datanetId);
      throw new OpenLedgerError(
        'unprocessable',
        'The datanet has no sealed snapshot to retrieve from.',
        {
          datanetId,
        },
      );
    }
    const { mode = 'words', limit, diversity, licences } = retrieval;
    const index = await indexOf(snapshot);
    const filter = licences && ((i: number) => licences.includes(index.records[i].licence));
    const hits = await index.search(query, { mode, limit, diversity, filter });
    const hashes = hits.map(({ document }) => index.records[document].hash);
    const records = await findSnapshotRecords(reader, snapshot.id, hashes);
    const recordOf = new Map(records.map((record) => [record.recordHash, record]));
    return hits.flatMap(({ score }, i) => {
      const record = recordOf.get(hashes[i]);
      if (!record || record.withdrawn) return []; // withdrawn since the index was asked for
      const { recordHash, text, licence, source, contributors } = record;
      return [{ recordHash, snapshotId: snapshot.id, text, licence, score, source, contributors }];
    });
  };
}

async function buildIndex(reader: Reader, snapshot: Snapshot): Promise<Index> {
  const records: Index['records'][number][] = [];
  const passages: { text: string; document: string }[] = [];
  for await (const record of snapshotRecords(reader, snapshot.id)) {
    if (record.withdrawn) continue;
    records.push({ hash: record.recordHash, licence: record.licence });
    passages.push({ text: record.text, document: record.document });
  }
  return { ...buildHybridIndex(passages), records };
}
