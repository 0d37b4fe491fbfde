/** Records of a datanet by hash and in lists: what was contributed, and what was made of it. */
import {
  type Draft,
  type Id,
  OpenLedgerError,
  type Purpose,
  type RecordSource,
} from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { type Sql, sql } from '../platform/sql.ts';
import type { Owner } from './contributors.ts';
import { QUALITY_VERSION, type Quality, scoreQuality } from './quality.ts';

export type RecordSummary = {
  /** The record's hash, by which pages go on. */
  readonly id: string;
  readonly hash: string;
  readonly contributionId: Id<'contribution'> | undefined;
  readonly licence: string;
  readonly purposes: readonly Purpose[] | undefined;
  readonly source: RecordSource;
  readonly quality: number;
  readonly qualityVersion: string;
  readonly sizeBytes: number;
  readonly withdrawnAt: Date | undefined;
  readonly createdAt: Date;
};

export type RecordParent = {
  readonly hash: string;
  readonly refinement: string;
  readonly refinerId: Id<'party'>;
  readonly lines: readonly number[];
};

export type QualityParts = Omit<Quality, 'ppm'>;

export type RecordDetail = RecordSummary & {
  /** What stands behind its contributors: their own word, an importer's, or a proof that was upheld. */
  readonly assurance: 'self_declared' | 'imported' | 'proved';
  readonly text: string;
  /** undefined where the text is gone, or was scored by a formula that is no longer the current one. */
  readonly qualityParts: QualityParts | undefined;
  readonly metadata: Draft['metadata'] & object;
  /** Of a derived record: those of the contribution it was cut from. */
  readonly contributors: readonly Owner[];
  readonly parents: readonly RecordParent[];
};

/** Contributions in the order of their acceptance. @throws not_found when `after` is no contribution */
export async function listRecords(
  reader: Reader,
  query: { readonly datanetId: string; readonly limit: number; readonly after?: string },
): Promise<readonly RecordSummary[]> {
  const from = query.after ? await sequenceOf(reader, query.datanetId, query.after) : '0';
  const rows = await reader.query<Row>(sql`
    select ${summary}
    from datanets.contributions
    join datanets.records on records.datanet_id = contributions.datanet_id and hash = record_hash
    where contributions.datanet_id = ${query.datanetId} and sequence > ${from}
    order by sequence
    limit ${query.limit}`);
  return rows.map(fromRow);
}

/**
 * A record, contributed or derived. A withdrawn one keeps its row and loses its text.
 *
 * @throws not_found
 */
export async function findRecord(
  reader: Reader,
  datanetId: string,
  recordHash: string,
): Promise<RecordDetail> {
  const [row] = await reader.query<
    Row & {
      text: string;
      metadata: Draft['metadata'] & object;
      owners: Owner[];
      is_own: boolean;
      assurance: RecordDetail['assurance'];
    }
  >(sql`
    with recursive origins as (
      select ${recordHash}::text as hash
      union
      select parent_hash
      from datanets.lineage
      join origins on child_hash = hash
      where datanet_id = ${datanetId}
    )
    select ${summary}, text, metadata, owners, record_hash = ${recordHash} as is_own,
      case
        when exists (
          select from datanets.disputes
          where disputes.datanet_id = contributions.datanet_id and disputes.record_hash = contributions.record_hash
            and kind = 'earlier_proof' and state = 'upheld'
        ) then 'proved'
        when jsonb_array_length(owners) = 1 and owners -> 0 ->> 'party' = party_id then 'self_declared'
        else 'imported'
      end as assurance
    from datanets.contributions
    join origins on origins.hash = record_hash
    join datanets.records on records.datanet_id = contributions.datanet_id and records.hash = ${recordHash}
    where contributions.datanet_id = ${datanetId}
    order by is_own desc, sequence
    limit 1`);
  if (!row) throw noRecord(datanetId, recordHash);
  const summed = fromRow(row);
  const text = row.withdrawn_at ? '' : row.text;
  return {
    ...summed,
    ...(row.is_own ? {} : { contributionId: undefined }),
    assurance: row.assurance,
    text,
    qualityParts: row.withdrawn_at ? undefined : qualityPartsOf(text, row.quality_version),
    metadata: row.metadata,
    contributors: row.owners,
    parents: await readParents(reader, datanetId, recordHash),
  };
}

/** What the stored number was made of: the text has not changed since, so neither have they. */
export function qualityPartsOf(text: string, version: string): QualityParts | undefined {
  if (version !== QUALITY_VERSION) return undefined;
  const { ppm: _, ...parts } = scoreQuality(text);
  return parts;
}

const readParents = async (
  reader: Reader,
  datanetId: string,
  recordHash: string,
): Promise<readonly RecordParent[]> =>
  reader.query<RecordParent>(sql`
    select parent_hash as hash, refinement, refiner_id as "refinerId", lines
    from datanets.lineage
    join datanets.refinements using (datanet_id, parent_hash, refinement)
    where datanet_id = ${datanetId} and child_hash = ${recordHash}
    order by parent_hash, refinement, position`);

async function sequenceOf(reader: Reader, datanetId: string, recordHash: string): Promise<string> {
  const [row] = await reader.query<{ sequence: string }>(sql`
    select sequence
    from datanets.contributions
    where datanet_id = ${datanetId} and record_hash = ${recordHash}`);
  if (!row) throw noRecord(datanetId, recordHash);
  return row.sequence;
}

type Row = {
  hash: string;
  contribution_id: Id<'contribution'>;
  licence: string;
  purposes: Purpose[] | null;
  source: RecordSource;
  quality: number;
  quality_version: string;
  size_bytes: number;
  withdrawn_at: Date | null;
  created_at: Date;
};

const summary: Sql = sql`
  records.hash, contributions.id as contribution_id, licence, purposes, source, quality, quality_version, size_bytes,
  withdrawn_at, records.created_at`;

const fromRow = (row: Row): RecordSummary => ({
  id: row.hash,
  hash: row.hash,
  contributionId: row.contribution_id,
  licence: row.licence,
  purposes: row.purposes ?? undefined,
  source: row.source,
  quality: row.quality,
  qualityVersion: row.quality_version,
  sizeBytes: row.size_bytes,
  withdrawnAt: row.withdrawn_at ?? undefined,
  createdAt: row.created_at,
});

const noRecord = (datanetId: string, recordHash: string) =>
  new OpenLedgerError('not_found', `The datanet holds no record ${recordHash}.`, {
    datanetId,
    recordHash,
  });
