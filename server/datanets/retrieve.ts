/** Retrieval: BM25 over the newest sealed snapshot of a datanet, without what was withdrawn. */
import { type Id, OpenLedgerError, type RecordSource } from '@openledger/protocol';
import { type Bm25, createBm25 } from '../compute/bm25.ts';
import type { Reader } from '../platform/db.ts';
import { findDatanet } from './datanets.ts';
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
  /** Larger is nearer; comparable within one datanet. */
  readonly score: number;
  readonly source: RecordSource;
  /** Identities, the largest owner first. */
  readonly contributors: readonly string[];
};

/** Indexes held in memory; the one not asked for longest goes first. */
const MOST_INDEXES = 8;

export type Retriever = (
  datanetId: string,
  query: string,
  options: { readonly limit: number },
) => Promise<readonly RetrievedRecord[]>;

/** An index is built when it is first asked for, and again once the snapshot or its pool version has changed. */
export function createRetriever(reader: Reader): Retriever {
  const indexes = new Map<string, Promise<Bm25>>();

  function indexOf(snapshot: Snapshot): Promise<Bm25> {
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
  return async (datanetId, query, { limit }) => {
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
    const hits = (await indexOf(snapshot)).search(query, { limit });
    const records = await findSnapshotRecords(
      reader,
      snapshot.id,
      hits.map(({ id }) => id),
    );
    const recordOf = new Map(records.map((record) => [record.recordHash, record]));
    return hits.flatMap(({ id, score }) => {
      const record = recordOf.get(id);
      if (!record || record.withdrawn) return []; // withdrawn since the index was asked for
      const { recordHash, text, source, contributors } = record;
      return [{ recordHash, snapshotId: snapshot.id, text, score, source, contributors }];
    });
  };
}

async function buildIndex(reader: Reader, snapshot: Snapshot): Promise<Bm25> {
  const index = createBm25();
  for await (const { recordHash, text, withdrawn } of snapshotRecords(reader, snapshot.id)) {
    if (!withdrawn) index.add(recordHash, text);
  }
  return index;
}
