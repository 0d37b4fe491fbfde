/** What the ledger has on disk, and how far its history is behind the log. */
import { sleep } from '../../server/platform/clock.ts';
import type { Reader } from '../../server/platform/db.ts';
import { sql } from '../../server/platform/sql.ts';

/** Bytes by table, indexes and TOAST included, partitions counted to the table they are parts of. */
export type Sizes = ReadonlyMap<string, number>;

/** Written by the follower, behind the log. */
export const HISTORY = 'entries';

export async function sizesOf(reader: Reader): Promise<Sizes> {
  const rows = await reader.query<{ name: string; bytes: string }>(sql`
    select root.relname as name, sum(pg_total_relation_size(part.oid)) as bytes
    from pg_class part
    join pg_class root on root.oid = coalesce(pg_partition_root(part.oid), part.oid)
    where part.relnamespace = 'ledger'::regnamespace
      and part.relkind in ('r', 'p')
    group by root.relname
    order by root.relname`);
  return new Map(rows.map(({ name, bytes }) => [name, Number(bytes)]));
}

export const growth = (before: Sizes, after: Sizes): Sizes =>
  new Map([...after].map(([name, bytes]) => [name, bytes - (before.get(name) ?? 0)]));

export const total = (sizes: Sizes): number =>
  [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);

/** Waits until the history has all that the log has. @returns seconds waited */
export async function historyComplete(reader: Reader): Promise<number> {
  const begun = performance.now();
  for (;;) {
    const [{ behind }] = await reader.query<{ behind: string }>(sql`
      select w.sequence - f.sequence as behind
      from ledger.writer w, ledger.follower f`);
    if (Number(behind) === 0) return (performance.now() - begun) / 1000;
    await sleep(50);
  }
}
