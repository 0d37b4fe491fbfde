/** Retrieval over the newest sealed snapshot of a datanet, without what was withdrawn or may not be used so. */
import { type Id, OpenLedgerError, type Purpose, type RecordSource } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { findDatanet } from './datanets.ts';
import { buildHybridIndex, type HybridIndex, type PassageSearch } from './hybrid-index.ts';
import { permits } from './rights/rights.ts';
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
  /** Larger is nearer; comparable within one datanet and one mode. */
  readonly score: number;
  readonly source: RecordSource;
  readonly licence: string;
  readonly purposes: readonly Purpose[] | undefined;
  /** Identities, the largest owner first. */
  readonly contributors: readonly string[];
};

/** Indexes held in memory; the one not asked for longest goes first. */
const MOST_INDEXES = 8;

export type Retrieval = {
  readonly limit: number;
  /** Absent: `words`. */
  readonly mode?: PassageSearch['mode'];
  /** A record that does not permit one of them is not found. Absent: `retrieve` alone. */
  readonly purposes?: readonly Purpose[];
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
  readonly records: readonly (Pick<RetrievedRecord, 'licence' | 'purposes'> & {
    readonly hash: string;
  })[];
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
    const { mode = 'words', limit, diversity, licences, purposes = ['retrieve'] } = retrieval;
    const index = await indexOf(snapshot);
    const filter = (i: number) => {
      const record = index.records[i];
      return permits(record, purposes) && (!licences || licences.includes(record.licence));
    };
    const hits = await index.search(query, { mode, limit, diversity, filter });
    const hashes = hits.map(({ document }) => index.records[document].hash);
    const records = await findSnapshotRecords(reader, snapshot.id, hashes);
    const recordOf = new Map(records.map((record) => [record.recordHash, record]));
    return hits.flatMap(({ score }, i) => {
      const record = recordOf.get(hashes[i]);
      if (!record || record.withdrawn) return []; // withdrawn since the index was asked for
      const { recordHash, text, source, contributors, licence } = record;
      const found = { recordHash, snapshotId: snapshot.id, text, score, source, contributors };
      return [{ ...found, licence, purposes: record.purposes }];
    });
  };
}

async function buildIndex(reader: Reader, snapshot: Snapshot): Promise<Index> {
  const records: Index['records'][number][] = [];
  const passages: { text: string; document: string }[] = [];
  for await (const record of snapshotRecords(reader, snapshot.id)) {
    if (record.withdrawn) continue;
    const { recordHash: hash, licence, purposes, document, text } = record;
    records.push({ hash, licence, purposes });
    passages.push({ text, document });
  }
  return { ...buildHybridIndex(passages), records };
}
