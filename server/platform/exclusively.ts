/** One at a time among all processes on a database. */
import type { Db } from './db.ts';
import { sql } from './sql.ts';

/** Holds a connection of the pool while it works: callers see to it that few wait at once. */
export const exclusively = <T>(db: Db, name: string, work: () => Promise<T>): Promise<T> =>
  db.transaction(async (tx) => {
    await tx.query(sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`);
    return work();
  });
