/** Retrieval: BM25 over the newest sealed snapshot of a datanet, without what was withdrawn or may not be used so. */
import { type Id, OpenLedgerError, type Purpose, type RecordSource } from '@openledger/protocol';
import { type Bm25, createBm25 } from '../compute/bm25.ts';
import type { Reader } from '../platform/db.ts';
import { findDatanet } from './datanets.ts';
import { permits } from './rights/rights.ts';
import type { SnapshotRights } from './rights/snapshot-rights.ts';
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
  readonly licence: string;
  readonly purposes: readonly Purpose[] | undefined;
  /** Identities, the largest owner first. */
  readonly contributors: readonly string[];
};

/** Indexes held in memory; the one not asked for longest goes first. */
const MOST_INDEXES = 8;

export type Retriever = (
  datanetId: string,
  query: string,
  options: {
    readonly limit: number;
    /** A record that does not permit one of them is not found. Absent: `retrieve` alone. */
    readonly purposes?: readonly Purpose[];
  },
) => Promise<readonly RetrievedRecord[]>;

/** An index is built when it is first asked for, and again once the snapshot or its pool version has changed. */
export function createRetriever(reader: Reader, rights: Pick<SnapshotRights, 'sealed'>): Retriever {
  const indexes = new Map<string, Promise<Bm25>>();

  async function indexOf(snapshot: Snapshot, purposes: readonly Purpose[]): Promise<Bm25> {
    const groups = await rights.sealed(snapshot.id);
    const excluding = groups.every((group) => permits(group, purposes)) ? [] : purposes;
    const key = `${snapshot.id}:${snapshot.poolVersion}:${excluding}`;
    const index = indexes.get(key) ?? buildIndex(reader, snapshot, excluding);
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
  return async (datanetId, query, { limit, purposes = ['retrieve'] }) => {
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
    const hits = (await indexOf(snapshot, purposes)).search(query, { limit });
    const records = await findSnapshotRecords(
      reader,
      snapshot.id,
      hits.map(({ id }) => id),
    );
    const recordOf = new Map(records.map((record) => [record.recordHash, record]));
    return hits.flatMap(({ id, score }) => {
      const record = recordOf.get(id);
      if (!record || record.withdrawn) return []; // withdrawn since the index was asked for
      const { recordHash, text, source, contributors, licence } = record;
      const found = { recordHash, snapshotId: snapshot.id, text, score, source, contributors };
      return [{ ...found, licence, purposes: record.purposes }];
    });
  };
}

async function buildIndex(
  reader: Reader,
  snapshot: Snapshot,
  purposes: readonly Purpose[],
): Promise<Bm25> {
  const index = createBm25();
  for await (const record of snapshotRecords(reader, snapshot.id)) {
    if (!record.withdrawn && permits(record, purposes)) index.add(record.recordHash, record.text);
  }
  return index;
}
