/** One planner at a time, and each starts from books that agree with the ledger. */
import { sleep } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { postBatches } from './batches.ts';
import { finishCorrection } from './finish-correction.ts';
import type { FeesHandles } from './stage.ts';
import { tryLock } from './try-lock.ts';

const RETRY_MS = 5;

/**
 * Runs a plan when nobody else plans and all that was planned before stands in the ledger.
 *
 * So a plan may rely on entitlements, receivables and the unmatured pending accounts: nobody but this stage takes from
 * those, and it is doing nothing else. Whoever must wait waits without a connection in his hands.
 */
export async function planAlone<T>(handles: FeesHandles, plan: (tx: Tx) => Promise<T>): Promise<T> {
  for (;;) {
    await postBatches(handles);
    await finishCorrection(handles);
    const planned = await handles.db.transaction(async (tx) => {
      if (!(await tryLock(tx)) || (await isUnfinished(tx))) return undefined;
      return { result: await plan(tx) };
    });
    if (planned) return planned.result;
    await sleep(RETRY_MS);
  }
}

async function isUnfinished(tx: Tx): Promise<boolean> {
  const rows = await tx.query(sql`select id from fees.batches where posted_at is null limit 1`);
  return rows.length > 0;
}
