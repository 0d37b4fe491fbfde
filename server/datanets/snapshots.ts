/** Sealed snapshots, as others read them. */
import {
  type EntitlementList,
  type EntitlementVector,
  type Id,
  OpenLedgerError,
  type OwnedWords,
  type Purpose,
  parseCanonical,
  parseEntitlement,
  type RecordSource,
  SnapshotManifest,
  type UnigramDocument,
  type UnigramTable,
} from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';

export type Snapshot = {
  readonly id: Id<'snapshot'>;
  readonly datanetId: Id<'datanet'>;
  /** SHA-256 of the canonical manifest: its name in receipts and recipes. */
  readonly hash: string;
  readonly manifest: SnapshotManifest;
  /** Of the newest pool; changes exactly when something is withdrawn. */
  readonly poolVersion: number;
};

/** @throws not_found */
export async function findSnapshot(reader: Reader, snapshotId: string): Promise<Snapshot> {
  const [row] = await reader.query<Row>(sql`${columns} where id = ${snapshotId}`);
  if (!row) throw noSnapshot(snapshotId);
  return fromRow(row);
}

/** Oldest first. */
export async function listSnapshots(
  reader: Reader,
  query: { readonly datanetId: string; readonly limit: number; readonly after?: string },
): Promise<readonly Snapshot[]> {
  const rows = await reader.query<Row>(sql`
    ${columns}
    where datanet_id = ${query.datanetId} and id > ${query.after ?? ''}
    order by id
    limit ${query.limit}`);
  return rows.map(fromRow);
}

/** undefined while the datanet has none. */
export async function newestSnapshot(
  reader: Reader,
  datanetId: string,
): Promise<Snapshot | undefined> {
  const [row] = await reader.query<Row>(sql`
    ${columns}
    where datanet_id = ${datanetId}
    order by sequence desc
    limit 1`);
  return row && fromRow(row);
}

/** A record of a snapshot, with all that tracing and training ask of it. */
export type SnapshotRecord = {
  readonly position: number;
  readonly recordHash: string;
  readonly text: string;
  /** The contribution that it was cut from: records of one document follow each other. */
  readonly document: string;
  readonly owners: EntitlementVector;
  readonly ownersHash: string;
  readonly information: bigint;
  /** The part of the information that stands first in this record. */
  readonly owned: {
    readonly information: bigint;
    readonly owners: EntitlementVector;
    readonly ownersHash: string;
  };
  /** Whose its words are: words in a row, and the hash of their owners' vector (`findEntitlements`). */
  readonly map: readonly (readonly [words: number, ownersHash: string])[];
  readonly quality: number;
  readonly licence: string;
  /** What its contributors allow of what the licence permits; undefined: all of it. */
  readonly purposes: readonly Purpose[] | undefined;
  readonly source: RecordSource;
  /** Identities, the largest owner first. */
  readonly contributors: readonly string[];
  /** True: never trace, retrieve, train on or pay it. */
  readonly withdrawn: boolean;
  readonly withdrawnFrom: number | undefined;
};

const PAGE = 500;

/** All records in their order, withdrawn ones included and marked, a page in memory at a time. @throws not_found */
export async function* snapshotRecords(
  reader: Reader,
  snapshotId: string,
): AsyncGenerator<SnapshotRecord> {
  await findSnapshot(reader, snapshotId);
  for (let from = 0; ; from += PAGE) {
    const rows = await reader.query<RecordRow>(sql`
      ${recordColumns}
      where snapshot_id = ${snapshotId} and position >= ${from} and position < ${from + PAGE}
      order by position`);
    yield* rows.map(toRecord);
    if (rows.length < PAGE) return;
  }
}

/** A page of the records that are not withdrawn. @param query `after` is a position */
export async function snapshotRecordsAfter(
  reader: Reader,
  query: { readonly snapshotId: string; readonly after: number; readonly limit: number },
): Promise<readonly SnapshotRecord[]> {
  const rows = await reader.query<RecordRow>(sql`
    ${recordColumns}
    where snapshot_id = ${query.snapshotId} and position > ${query.after} and withdrawn_from is null
    order by position
    limit ${query.limit}`);
  return rows.map(toRecord);
}

/** @returns records of the snapshot by hash, in no order; hashes it does not hold are left out */
export async function findSnapshotRecords(
  reader: Reader,
  snapshotId: string,
  hashes: readonly string[],
): Promise<readonly SnapshotRecord[]> {
  const rows = await reader.query<RecordRow>(sql`
    ${recordColumns}
    where snapshot_id = ${snapshotId} and record_hash = any(${[...hashes]}::text[])`);
  return rows.map(toRecord);
}

/** The vectors of hashes, each once: equal hashes are answered by one list. */
export async function findEntitlements(
  reader: Reader,
  hashes: Iterable<string>,
): Promise<ReadonlyMap<string, EntitlementVector>> {
  const rows = await reader.query<{ hash: string; vector: EntitlementList }>(sql`
    select hash, vector
    from datanets.entitlements
    where hash = any(${[...new Set(hashes)]}::text[])`);
  return new Map(rows.map(({ hash, vector }) => [hash, parseEntitlement(vector)]));
}

/** The owner maps of records, with their vectors. */
export async function findOwnerMaps(
  reader: Reader,
  records: readonly Pick<SnapshotRecord, 'recordHash' | 'map'>[],
): Promise<ReadonlyMap<string, readonly OwnedWords[]>> {
  const hashes = records.flatMap(({ map }) => map.map(([, hash]) => hash));
  const vectors = await findEntitlements(reader, hashes);
  return new Map(
    records.map(({ recordHash, map }) => [
      recordHash,
      map.map(([words, hash]) => ({ words, owners: vectors.get(hash)! })),
    ]),
  );
}

/** The owner maps of all records of a snapshot. */
export async function findAllOwnerMaps(
  reader: Reader,
  snapshotId: string,
): Promise<ReadonlyMap<string, readonly OwnedWords[]>> {
  const rows = await reader.query<Pick<RecordRow, 'record_hash' | 'owner_map'>>(sql`
    select record_hash, owner_map
    from datanets.leaves
    where snapshot_id = ${snapshotId}`);
  return findOwnerMaps(
    reader,
    rows.map((row) => ({ recordHash: row.record_hash, map: row.owner_map })),
  );
}

/** The words of the snapshot, as they were counted when it was sealed. @throws not_found */
export async function findUnigramTable(reader: Reader, snapshotId: string): Promise<UnigramTable> {
  const { words, total, counts } = await findUnigramDocument(reader, snapshotId);
  return { words, total, counts: new Map(counts) };
}

/** @throws not_found */
export async function findUnigramDocument(
  reader: Reader,
  snapshotId: string,
): Promise<UnigramDocument> {
  const [row] = await reader.query<{ information: string }>(
    sql`select information from datanets.snapshots where id = ${snapshotId}`,
  );
  if (!row) throw noSnapshot(snapshotId);
  return JSON.parse(row.information);
}

type Row = {
  id: Id<'snapshot'>;
  datanet_id: Id<'datanet'>;
  hash: string;
  manifest: string;
  pool_version: number;
};

const columns = sql`
  select id, datanet_id, hash, manifest,
    (select max(version) from datanets.pools where snapshot_id = snapshots.id) as pool_version
  from datanets.snapshots`;

const fromRow = (row: Row): Snapshot => ({
  id: row.id,
  datanetId: row.datanet_id,
  hash: row.hash,
  manifest: SnapshotManifest.parse(parseCanonical(row.manifest)),
  poolVersion: row.pool_version,
});

type RecordRow = {
  position: number;
  record_hash: string;
  document_hash: string;
  owners_hash: string;
  vector: EntitlementList;
  information: string;
  owned_hash: string;
  owned_information: string;
  owned_vector: EntitlementList;
  owner_map: [number, string][];
  quality: number;
  licence: string;
  purposes: Purpose[] | null;
  source: RecordSource;
  contributors: string[];
  withdrawn_from: number | null;
  text: string;
};

const recordColumns = sql`
  select position, record_hash, document_hash, owners_hash, entitlements.vector, information, owned_hash,
    owned_information, owned.vector as owned_vector, owner_map, leaves.quality, licence, source, contributors, withdrawn_from,
    text,
    (select purposes
     from datanets.contributions
     where contributions.datanet_id = leaves.datanet_id and contributions.record_hash = document_hash) as purposes
  from datanets.leaves
  join datanets.entitlements on entitlements.hash = owners_hash
  join datanets.entitlements owned on owned.hash = owned_hash
  join datanets.records on records.datanet_id = leaves.datanet_id and records.hash = record_hash`;

const toRecord = (row: RecordRow): SnapshotRecord => ({
  position: row.position,
  recordHash: row.record_hash,
  text: row.text,
  document: row.document_hash,
  owners: parseEntitlement(row.vector),
  ownersHash: row.owners_hash,
  information: BigInt(row.information),
  owned: {
    information: BigInt(row.owned_information),
    owners: parseEntitlement(row.owned_vector),
    ownersHash: row.owned_hash,
  },
  map: row.owner_map,
  quality: row.quality,
  licence: row.licence,
  purposes: row.purposes ?? undefined,
  source: row.source,
  contributors: row.contributors,
  withdrawn: row.withdrawn_from !== null,
  withdrawnFrom: row.withdrawn_from ?? undefined,
});

const noSnapshot = (snapshotId: string) =>
  new OpenLedgerError('not_found', `There is no snapshot ${snapshotId}.`, { snapshotId });
