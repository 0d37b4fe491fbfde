/** Waits until everything that is under way has ended: calls, captures, routings, and what was lent. */
import { until } from '../../cli/first-loop/wait.ts';
import type { Db } from '../../server/platform/db.ts';
import { sql } from '../../server/platform/sql.ts';

type Open = {
  /** Calls that have not ended. */
  held: string;
  /** Served, and not yet captured. */
  uncaptured: string;
  /** Announcements that nobody has delivered. */
  jobs: string;
  /** Units that are lent or held, and that wait in clearing. */
  lent: string;
  clearing: string;
};

/** @returns what is still open when it has taken too long; undefined when all is quiet */
export async function settle(db: Db, withinMs: number): Promise<string | undefined> {
  let last: Open | undefined;
  try {
    await until(
      'an end of everything',
      async () => {
        last = await readOpen(db).catch(() => last); // the database may be away
        return last && Object.values(last).every((count) => BigInt(count) === 0n)
          ? true
          : undefined;
      },
      { withinMs, everyMs: 250 },
    );
    return undefined;
  } catch {
    return JSON.stringify(last);
  }
}

async function readOpen(db: Db): Promise<Open> {
  const [open] = await db.query<Open>(sql`
    select
      (select count(*) from gateway.inferences where status = 'held') as held,
      (select count(*) from gateway.inferences where status = 'served' and captured_at is null) as uncaptured,
      (select count(*) from graphile_worker.jobs) as jobs,
      (select coalesce(sum(balance), 0) from ledger.accounts where name like '%:held') as lent,
      (select coalesce(sum(balance), 0) from ledger.accounts where name = 'clearing:fees') as clearing`);
  return open;
}
