/** What calls leave to be done behind them, so that nobody measures another's. */
import { sleep } from '../../../server/platform/clock.ts';
import type { Db } from '../../../server/platform/db.ts';
import { sql } from '../../../server/platform/sql.ts';

const PATIENCE_MS = 60_000;

/** Waits until no announcement is left. @returns how many seconds that took */
export async function backlogDone(db: Db): Promise<number> {
  const begun = performance.now();
  const elapsedMs = () => performance.now() - begun;
  while (elapsedMs() < PATIENCE_MS) {
    const [{ left }] = await db.query<{ left: string }>(sql`
      select count(*) as left
      from graphile_worker.jobs
      where attempts < max_attempts`);
    if (left === '0') break;
    await sleep(100);
  }
  return elapsedMs() / 1000;
}
