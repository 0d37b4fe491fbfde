/** Retrieval over the newest sealed snapshot of a datanet, without what was withdrawn or may not be used so. */
import { type Id, OpenLedgerError, type Purpose, type RecordSource } from '@openledger/protocol';
import { orAfter } from '../../platform/clock.ts';
import type { Reader } from '../../platform/db.ts';
import { findDatanet } from '../datanets.ts';
import { permits } from '../rights/rights.ts';
import {
  findSnapshotRecords,
  newestSnapshot,
  type Snapshot,
  type SnapshotRecord,
} from '../snapshots.ts';
import type { Embeddings } from './embeddings.ts';
import { createFollower, type PassageGroup } from './follow-snapshots.ts';
import type { IndexHost } from './index-host.ts';
import type { Mode, PassageSearch } from './search-segments.ts';

export type RetrievedRecord = {
  readonly recordHash: string;
  readonly snapshotId: Id<'snapshot'>;
  /** The contribution that it was cut from: a document's records share it. */
  readonly documentHash: string;
  /** Its place in the snapshot: records of one document follow each other. */
  readonly position: number;
  readonly text: string;
  /** Larger is nearer; comparable within one datanet and one mode. */
  readonly score: number;
  readonly source: RecordSource;
  readonly licence: string;
  readonly purposes: readonly Purpose[] | undefined;
  /** Identities, the largest owner first. */
  readonly contributors: readonly string[];
};

export type Retrieval = {
  readonly limit: number;
  /** Absent: `words`. */
  readonly mode?: Mode;
  /** A record that does not permit all of them is not found. Absent: `retrieve` alone. */
  readonly purposes?: readonly Purpose[];
  /** Absent: any. */
  readonly licences?: readonly string[];
  /** As `metadata.language` names it, in any case. Absent: any, and what names none. */
  readonly language?: string;
  /** Contributed at or after, and before. */
  readonly since?: Date;
  readonly before?: Date;
  /** 0 to 1, in mode `hybrid`. */
  readonly diversity?: number;
};

export type Retrieved = {
  /** Best first. */
  readonly records: readonly RetrievedRecord[];
  /** What was searched by: `words` where no vectors could be had. */
  readonly mode: Mode;
  /** False: the index had not yet taken up all of the snapshot. */
  readonly isComplete: boolean;
};

export type Retriever = (
  datanetId: string,
  query: string,
  retrieval: Retrieval,
) => Promise<Retrieved>;

/** How often a search is made again because something was withdrawn while it ran. */
const MOST_TRIES = 3;

export function createRetriever(handles: {
  readonly reader: Reader;
  readonly host: IndexHost;
  /** Absent: vectors are made in the index. */
  readonly embeddings: Embeddings | undefined;
}): Retriever {
  const { reader, host, embeddings } = handles;
  const follower = createFollower(reader, host);

  /** @throws not_found for an unknown datanet, unprocessable while it has no snapshot */
  return async (datanetId, query, retrieval) => {
    const snapshot = await snapshotOf(reader, datanetId);
    const { groups, isComplete } = await follower.follow(snapshot);
    const search = {
      ...searchFor(query, retrieval, groups),
      ...(retrieval.mode === 'hybrid' && embeddings
        ? await embedQuery(embeddings, datanetId, query)
        : {}),
    };
    for (let tries = 1; ; tries++) {
      const { hits, mode } = await host.ask('search', datanetId, { search });
      const records = await findSnapshotRecords(
        reader,
        snapshot.id,
        hits.map(({ hash }) => hash),
      );
      const gone = records.filter(({ withdrawn }) => withdrawn).map((one) => one.recordHash);
      if (gone.length > 0 && tries < MOST_TRIES) {
        await host.ask('strike', datanetId, { hashes: gone });
        continue;
      }
      const recordOf = new Map(records.map((record) => [record.recordHash, record]));
      const found = hits.flatMap(({ hash, score }) => {
        const record = recordOf.get(hash);
        return record && !record.withdrawn ? [toRetrieved(record, snapshot.id, score)] : [];
      });
      return { records: found, mode, isComplete: isComplete() };
    }
  };
}

/** How long a search waits for its datanet's vectors; then it makes do with those there are. */
const PATIENCE_MS = 2000;

async function embedQuery(
  embeddings: Embeddings,
  datanetId: string,
  query: string,
): Promise<Pick<PassageSearch, 'mode' | 'vector'>> {
  const vector = await embeddings.ofQuery(query);
  if (!vector) return { mode: 'words' };
  await orAfter(embeddings.complete(datanetId), PATIENCE_MS);
  return { mode: 'hybrid', vector };
}

async function snapshotOf(reader: Reader, datanetId: string): Promise<Snapshot> {
  const snapshot = await newestSnapshot(reader, datanetId);
  if (snapshot) return snapshot;
  await findDatanet(reader, datanetId);
  throw new OpenLedgerError(
    'unprocessable',
    'The datanet has no sealed snapshot to retrieve from.',
    { datanetId },
  );
}

/** Rights are asked of each group before the search, so that as many are found as are wanted. */
function searchFor(
  query: string,
  retrieval: Retrieval,
  groups: readonly PassageGroup[],
): PassageSearch {
  const { limit, mode = 'words', diversity, since, before } = retrieval;
  const { purposes = ['retrieve'], licences } = retrieval;
  const language = retrieval.language?.toLowerCase();
  const wanted = groups.flatMap((group, number) => {
    const isWanted =
      permits(group, purposes) &&
      (!licences || licences.includes(group.licence)) &&
      (language === undefined || group.language === language);
    return isWanted ? [number] : [];
  });
  return {
    ...{ query, limit, mode, diversity },
    ...{ since: since?.getTime(), before: before?.getTime() },
    groups: wanted.length === groups.length ? undefined : new Set(wanted),
  };
}

const toRetrieved = (
  record: SnapshotRecord,
  snapshotId: Id<'snapshot'>,
  score: number,
): RetrievedRecord => ({
  ...{ recordHash: record.recordHash, documentHash: record.document, position: record.position },
  ...{ snapshotId, score, text: record.text, source: record.source, licence: record.licence },
  ...{ purposes: record.purposes, contributors: record.contributors },
});
