/** Texts of records, a page in memory at a time. */
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';

/** Texts held in memory at a time. */
const PAGE = 500;

export type RecordText = { readonly text: string; readonly quality: number };

/** Texts and qualities of the records, in their order. Withdrawn ones still have theirs. */
export async function* readTexts(
  reader: Reader,
  datanetId: string,
  records: readonly { readonly hash: string }[],
): AsyncGenerator<readonly RecordText[]> {
  for (let start = 0; start < records.length; start += PAGE) {
    const hashes = records.slice(start, start + PAGE).map(({ hash }) => hash);
    const rows = await reader.query<{ hash: string; text: string; quality: number }>(sql`
      select hash, text, quality
      from datanets.records
      where datanet_id = ${datanetId} and hash = any(${hashes}::text[])`);
    const rowOf = new Map(rows.map((row) => [row.hash, row]));
    yield hashes.map((hash) => rowOf.get(hash)!);
  }
}
