/**
 * How good a snapshot is, in whole numbers: what its records add, how they score, and which score lowest.
 *
 * Of the records that are not withdrawn. The parts of their quality are not stored, so they are computed again for every
 * n-th record.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { COMMONS, type Id, PPM_ONE, WEIGHT_ONE } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { type Sql, sql } from '../platform/sql.ts';
import { type QualityParts, qualityPartsOf } from './records.ts';
import { findSnapshot } from './snapshots.ts';

type Counted = { readonly name: string; readonly records: number };

export type QualityReport = {
  readonly snapshotId: Id<'snapshot'>;
  readonly poolVersion: number;
  readonly records: number;
  readonly withdrawn: number;
  /** In 1/65,536 bits. */
  readonly information: bigint;
  /** Of the information: what stands first in its record and is paid. */
  readonly ownedPpm: number;
  /** Of the information: what the commons are entitled to. */
  readonly unpaidPpm: number;
  /** Records that have information and own none of it. */
  readonly repeating: number;
  /** undefined where no record is left. */
  readonly quality: { readonly mean: number; readonly deciles: readonly number[] } | undefined;
  readonly versions: readonly Counted[];
  /** Means over every n-th record. undefined where none of these can be scored again. */
  readonly parts:
    | { readonly every: number; readonly records: number; readonly means: QualityParts }
    | undefined;
  readonly licences: readonly Counted[];
  /** As contributors name them, in lower case; the most frequent. */
  readonly languages: readonly Counted[];
  readonly openDisputes: number;
  readonly lowest: readonly {
    readonly recordHash: string;
    readonly quality: number;
    readonly parts: QualityParts | undefined;
  }[];
};

const MOST_SAMPLED = 500;
/** Bytes of text that are scored for one report, on the average of strides and at most. */
const SAMPLED_BYTES = 4_000_000;
const MOST_SAMPLED_BYTES = 2 * SAMPLED_BYTES;
const MOST_LANGUAGES = 50;
const LOWEST = 10;

/** @throws not_found */
export async function reportQuality(reader: Reader, snapshotId: string): Promise<QualityReport> {
  const { id, poolVersion } = await findSnapshot(reader, snapshotId);
  const totals = await readTotals(reader, snapshotId);
  const information = BigInt(totals.information);
  const unpaid = await readUnpaid(reader, snapshotId);
  return {
    ...{ snapshotId: id, poolVersion, information },
    records: totals.records,
    withdrawn: totals.withdrawn,
    ownedPpm: ppm(BigInt(totals.owned), information),
    unpaidPpm: ppm(unpaid, information * WEIGHT_ONE),
    repeating: totals.repeating,
    quality:
      totals.mean === null || totals.deciles === null
        ? undefined
        : { mean: totals.mean, deciles: totals.deciles },
    versions: await countBy(reader, snapshotId, { name: sql`quality_version`, most: 10 }),
    parts: await sampleParts(reader, snapshotId, totals),
    licences: await countBy(reader, snapshotId, { name: sql`leaves.licence`, most: 1000 }),
    languages: await countBy(reader, snapshotId, { name: language, most: MOST_LANGUAGES }),
    openDisputes: await countOpenDisputes(reader, snapshotId),
    lowest: await readLowest(reader, snapshotId),
  };
}

const ppm = (part: bigint, whole: bigint): number =>
  whole === 0n ? 0 : Number((part * BigInt(PPM_ONE)) / whole);

type Totals = {
  records: number;
  withdrawn: number;
  information: string;
  owned: string;
  repeating: number;
  bytes: string;
  mean: number | null;
  deciles: number[] | null;
};

/** The tenths of the quality are records' own: the least that so many tenths of the records do not exceed. */
async function readTotals(reader: Reader, snapshotId: string): Promise<Totals> {
  const [totals] = await reader.query<Totals>(sql`
    with live as (${live(snapshotId)})
    select count(*)::integer as records,
      (select count(*)::integer
       from datanets.leaves
       where snapshot_id = ${snapshotId} and withdrawn_from is not null) as withdrawn,
      coalesce(sum(information), 0)::text as information,
      coalesce(sum(owned_information), 0)::text as owned,
      count(*) filter (where owned_information = 0 and information > 0)::integer as repeating,
      coalesce(sum(size_bytes), 0)::text as bytes,
      floor(avg(live.quality))::integer as mean,
      percentile_disc(array[0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]) within group (order by live.quality)
        as deciles
    from live
    join datanets.records on records.datanet_id = live.datanet_id and hash = record_hash`);
  return totals;
}

const live = (snapshotId: string): Sql => sql`
  select *
  from datanets.leaves
  where snapshot_id = ${snapshotId} and withdrawn_from is null`;

/** Information times weights that sum to 2^64. */
async function readUnpaid(reader: Reader, snapshotId: string): Promise<bigint> {
  const [{ unpaid }] = await reader.query<{ unpaid: string }>(sql`
    with live as (${live(snapshotId)})
    select coalesce(sum(worth * (owner ->> 'weight')::numeric), 0)::text as unpaid
    from (select owners_hash, sum(information) as worth from live group by owners_hash) as worths
    join datanets.entitlements on hash = owners_hash
    cross join jsonb_array_elements(vector) as owner
    where owner ->> 'party' = ${COMMONS}`);
  return BigInt(unpaid);
}

const language = sql`
  case when jsonb_typeof(metadata -> 'language') = 'string' then lower(left(metadata ->> 'language', 100)) end`;

/** The most frequent first. Records without that name are in none of the counts. */
const countBy = (
  reader: Reader,
  snapshotId: string,
  { name, most }: { readonly name: Sql; readonly most: number },
): Promise<readonly Counted[]> =>
  reader.query<Counted>(sql`
    with leaves as (${live(snapshotId)})
    select ${name} as name, count(*)::integer as records
    from leaves
    join datanets.records on records.datanet_id = leaves.datanet_id and hash = record_hash
    join datanets.contributions
      on contributions.datanet_id = leaves.datanet_id and contributions.record_hash = document_hash
    where ${name} is not null
    group by 1
    order by records desc, name
    limit ${most}`);

async function countOpenDisputes(reader: Reader, snapshotId: string): Promise<number> {
  const [{ disputes }] = await reader.query<{ disputes: number }>(sql`
    with live as (${live(snapshotId)})
    select count(*)::integer as disputes
    from datanets.disputes
    where state = 'open'
      and (datanet_id, record_hash) in (select datanet_id, document_hash from live)`);
  return disputes;
}

async function sampleParts(
  reader: Reader,
  snapshotId: string,
  { records, bytes }: Totals,
): Promise<QualityReport['parts']> {
  const every = Math.max(
    1,
    Math.ceil(records / MOST_SAMPLED),
    Math.ceil(Number(bytes) / SAMPLED_BYTES),
  );
  const sample = await reader.query<{ text: string; quality_version: string }>(sql`
    with live as (${live(snapshotId)}),
    placed as (
      select datanet_id, record_hash, position, row_number() over (order by position) - 1 as place from live
    ),
    chosen as (
      select position, text, quality_version, sum(size_bytes) over (order by position) as read
      from placed
      join datanets.records on records.datanet_id = placed.datanet_id and hash = record_hash
      where place % ${every}::integer = 0
    )
    select text, quality_version
    from chosen
    where read <= ${MOST_SAMPLED_BYTES}::integer
    order by position`);
  const scored: QualityParts[] = [];
  for (const { text, quality_version } of sample) {
    const parts = qualityPartsOf(text, quality_version);
    if (parts) scored.push(parts);
    await nextTurn(); // others are served between two texts
  }
  if (scored.length === 0) return undefined;
  const mean = (part: keyof QualityParts): number =>
    Math.floor(scored.reduce((sum, parts) => sum + parts[part], 0) / scored.length);
  return {
    ...{ every, records: scored.length },
    means: {
      language: mean('language'),
      structure: mean('structure'),
      compression: mean('compression'),
      repetition: mean('repetition'),
    },
  };
}

async function readLowest(reader: Reader, snapshotId: string): Promise<QualityReport['lowest']> {
  const rows = await reader.query<{
    hash: string;
    quality: number;
    text: string;
    quality_version: string;
  }>(sql`
    with live as (${live(snapshotId)}),
    lowest as (select * from live order by quality, record_hash limit ${LOWEST})
    select hash, lowest.quality, text, quality_version
    from lowest
    join datanets.records on records.datanet_id = lowest.datanet_id and hash = record_hash
    order by lowest.quality, hash`);
  const lowest = [];
  for (const { hash, quality, text, quality_version } of rows) {
    lowest.push({ recordHash: hash, quality, parts: qualityPartsOf(text, quality_version) });
    await nextTurn();
  }
  return lowest;
}
