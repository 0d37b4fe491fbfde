/** What an index reads of a snapshot. */
import type { Purpose } from '@openledger/protocol';
import type { Reader } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';

export type IndexedPassage = {
  readonly hash: string;
  readonly document: string;
  readonly text: string;
  readonly licence: string;
  readonly purposes: readonly Purpose[] | undefined;
  /** As its contributor names it in `metadata.language`, in lower case. */
  readonly language: string | undefined;
  /** When it was contributed. */
  readonly time: Date;
};

const PAGE = 5000;

/** Hashes of what is not withdrawn, in order, a page at a time. */
export async function* snapshotHashes(
  reader: Reader,
  snapshotId: string,
): AsyncGenerator<readonly string[]> {
  for (let from = 0; ; from += PAGE) {
    const rows = await reader.query<{ hash: string; withdrawn: boolean }>(sql`
      select record_hash as hash, withdrawn_from is not null as withdrawn
      from datanets.leaves
      where snapshot_id = ${snapshotId} and position >= ${from} and position < ${from + PAGE}
      order by position`);
    yield rows.flatMap(({ hash, withdrawn }) => (withdrawn ? [] : [hash]));
    if (rows.length < PAGE) return;
  }
}

/** In the order of the snapshot. */
export async function readPassages(
  reader: Reader,
  snapshotId: string,
  hashes: readonly string[],
): Promise<readonly IndexedPassage[]> {
  const rows = await reader.query<{
    hash: string;
    document: string;
    text: string;
    licence: string;
    purposes: Purpose[] | null;
    language: string | null;
    time: Date;
  }>(sql`
    select leaves.record_hash as hash, document_hash as document, text, leaves.licence, purposes,
      lower(metadata ->> 'language') as language, contributions.created_at as time
    from datanets.leaves
    join datanets.records on records.datanet_id = leaves.datanet_id and records.hash = leaves.record_hash
    join datanets.contributions
      on contributions.datanet_id = leaves.datanet_id and contributions.record_hash = document_hash
    where snapshot_id = ${snapshotId} and leaves.record_hash = any(${[...hashes]}::text[])
      and withdrawn_from is null
    order by position`);
  return rows.map(({ purposes, language, ...row }) => ({
    ...{ ...row, purposes: purposes ?? undefined, language: language ?? undefined },
  }));
}

/** What a snapshot has lost since a version of its pool. */
export async function struckSince(
  reader: Reader,
  snapshotId: string,
  poolVersion: number,
): Promise<readonly string[]> {
  const rows = await reader.query<{ hash: string }>(sql`
    select record_hash as hash
    from datanets.leaves
    where snapshot_id = ${snapshotId} and withdrawn_from > ${poolVersion}`);
  return rows.map(({ hash }) => hash);
}
