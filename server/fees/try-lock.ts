/** The stage's one lock, held to the end of the transaction. */
import type { Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';

/** @returns false at once when another has it */
export async function tryLock(tx: Tx): Promise<boolean> {
  const [{ locked }] = await tx.query<{ locked: boolean }>(sql`
    select pg_try_advisory_xact_lock(7300201) as locked`);
  return locked;
}
