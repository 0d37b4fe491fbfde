/** Where records stand: the contribution they descend from, and the text they were cut out of. */
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { Place } from './refiners/place.ts';

/** By hash. Of several contributions that a record descends from, the first accepted one names its title. */
export async function placesOf(
  reader: Reader,
  datanetId: string,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, Place>> {
  const origins = await reader.query<{
    hash: string;
    path: string | null;
    title: string | null;
  }>(sql`
    with recursive origins as (
      select hash, hash as origin
      from unnest(${hashes}::text[]) as asked (hash)
      union
      select hash, parent_hash
      from datanets.lineage
      join origins on child_hash = origin
      where datanet_id = ${datanetId}
    )
    select distinct on (hash) hash, source ->> 'path' as path,
      case when jsonb_typeof(metadata -> 'title') = 'string' then metadata ->> 'title' end as title
    from origins
    join datanets.contributions on datanet_id = ${datanetId} and record_hash = origin
    order by hash, sequence`);
  const above = await reader.query<{ hash: string; parent: string; line: number }>(sql`
    select child_hash as hash, min(parent_hash) as parent, min(lines[1]) as line
    from datanets.lineage
    where datanet_id = ${datanetId} and child_hash = any(${hashes}::text[])
    group by child_hash
    having count(*) = 1`);
  const texts = await textsOf(
    reader,
    datanetId,
    above.map(({ parent }) => parent),
  );
  const aboveOf = new Map(above.map((one) => [one.hash, one]));
  return new Map(
    origins.map(({ hash, path, title }) => {
      const cut = aboveOf.get(hash);
      const text = cut && texts.get(cut.parent);
      return [
        hash,
        {
          path: path ?? undefined,
          title: title ?? undefined,
          above: cut && text !== undefined ? { text, line: cut.line } : undefined,
        },
      ];
    }),
  );
}

/** Texts of records that are not withdrawn, by hash. */
export async function textsOf(
  reader: Reader,
  datanetId: string,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await reader.query<{ hash: string; text: string }>(sql`
    select hash, text
    from datanets.records
    where datanet_id = ${datanetId}
      and withdrawn_at is null
      and hash = any(${[...new Set(hashes)]}::text[])`);
  return new Map(rows.map(({ hash, text }) => [hash, text]));
}

/** All that each record descends from. A record without any is left out. */
export async function ancestorsOf(
  reader: Reader,
  datanetId: string,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const rows = await reader.query<{ hash: string; ancestor: string }>(sql`
    with recursive ancestors as (
      select child_hash as hash, parent_hash as ancestor
      from datanets.lineage
      where datanet_id = ${datanetId} and child_hash = any(${hashes}::text[])
      union
      select hash, parent_hash
      from datanets.lineage
      join ancestors on child_hash = ancestor
      where datanet_id = ${datanetId}
    )
    select hash, ancestor
    from ancestors`);
  const found = new Map<string, Set<string>>();
  for (const { hash, ancestor } of rows) {
    const known = found.get(hash);
    if (known) known.add(ancestor);
    else found.set(hash, new Set([ancestor]));
  }
  return found;
}
