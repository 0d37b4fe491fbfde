/** What calls leave to be done behind them, so that nobody measures another's. */
import { sleep } from '../../../server/platform/clock.ts';
import type { Db } from '../../../server/platform/db.ts';
import { sql } from '../../../server/platform/sql.ts';

const PATIENCE_MS = 180_000;

/** Waits until no announcement is left. @returns how many seconds that took */
export async function backlogDone(db: Db): Promise<number> {
  const begun = performance.now();
  for (;;) {
    const elapsedMs = performance.now() - begun;
    if ((await countLeft(db)) === 0) return elapsedMs / 1000;
    if (elapsedMs > PATIENCE_MS) throw new Error('The worker does not get on with its work.');
    await sleep(100);
  }
}

/** Announcements that are not finished. */
export async function countLeft(db: Db): Promise<number> {
  const [{ left }] = await db.query<{ left: string }>(sql`
    select count(*) as left
    from graphile_worker.jobs`);
  return Number(left);
}
