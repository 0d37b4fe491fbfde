/** What calls leave to be done behind them, so that nobody measures another's. */
import { sleep } from '../../../server/platform/clock.ts';
import type { Db } from '../../../server/platform/db.ts';
import { sql } from '../../../server/platform/sql.ts';

const PATIENCE_MS = 60_000;

/** Waits until no announcement is left, or for as long as anybody wants to wait. */
export async function backlogDone(
  db: Db,
): Promise<{ readonly seconds: number; readonly left: number }> {
  const begun = performance.now();
  for (;;) {
    const elapsedMs = performance.now() - begun;
    const left = await countLeft(db);
    if (left === 0 || elapsedMs > PATIENCE_MS) return { seconds: elapsedMs / 1000, left };
    await sleep(100);
  }
}

/** Calls whose accounting is not finished. */
export async function countLeft(db: Db): Promise<number> {
  const [{ left }] = await db.query<{ left: string }>(sql`
    select count(distinct payload ->> 'inferenceId') + count(distinct payload ->> 'saleId') as left
    from graphile_worker._private_jobs`);
  return Number(left);
}
