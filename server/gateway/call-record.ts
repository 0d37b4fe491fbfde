/** One call on record, from its opening to its end, by whichever way is the cheapest that keeps what is promised. */
import { sleep } from '../platform/clock.ts';
import { type Db, isRefusedData, type Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { type CacheKey, keepAnswer } from './cache.ts';
import type { CallRecords } from './call-records.ts';
import {
  type OpenedCall,
  openInference,
  recordServed,
  recordVoid,
  type ServedCall,
  type VoidReason,
} from './inferences.ts';
import { isLimited } from './limits.ts';

export type CallRecord = {
  /** Resolves when the call is on record: to be awaited before the first byte of a stream. */
  opened(): Promise<void>;
  /**
   * @param keepAs under which the answer may be given again
   * @returns false when somebody else has ended the call
   */
  serve(served: ServedCall, keepAs: CacheKey | undefined): Promise<boolean>;
  void(why: VoidReason): Promise<void>;
};

export type RecordHandles = { readonly db: Db; readonly records: CallRecords };

/** How long an end is written again where the database does not answer. Beyond that it is left to the next process. */
const PATIENCE_MS = 30_000;
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [100, 2000];

/**
 * A served call is on record, however long the database is away: what its client has must be paid.
 *
 * It may have been written although the answer was lost: so the row is looked at before it is written again.
 */
async function servedForSure(
  db: Db,
  served: ServedCall,
  write: () => Promise<boolean>,
): Promise<boolean> {
  const until = performance.now() + PATIENCE_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs)) {
    try {
      return await write();
    } catch (error) {
      const isThere = await isServed(db, served.inferenceId).catch(() => false);
      if (isThere) return true;
      if (isRefusedData(error) || performance.now() > until) throw error;
      await sleep(pauseMs);
    }
  }
}

async function isServed(db: Db, inferenceId: string): Promise<boolean> {
  const [row] = await db.query<{ status: string }>(sql`
    select status
    from gateway.inferences
    where id = ${inferenceId}`);
  return row?.status === 'served';
}

/** It stands there already; its key's limits are settled with its end. */
export const recordOfOpened = ({ db, records }: RecordHandles, call: OpenedCall): CallRecord => {
  const { inferenceId, caller } = call;
  return {
    opened: async () => {},
    serve: (served, keepAs) =>
      servedForSure(db, served, () =>
        isLimited(caller) || keepAs
          ? db.transaction((tx) => serveAndKeep(tx, served, keepAs))
          : records.serve(served),
      ),
    void: (why) =>
      isLimited(caller)
        ? db.transaction((tx) => recordVoid(tx, inferenceId, why))
        : records.void(inferenceId, why),
  };
};

/** Written while the operator is asked. The payer's money is safe without it: the intent log knows of the call. */
export function recordMeanwhile(handles: RecordHandles, call: OpenedCall): CallRecord {
  const opening = handles.records.open(call);
  opening.catch(() => {}); // whoever waits for it is told
  const record = recordOfOpened(handles, call);
  return {
    opened: () => opening,
    serve: (served, keepAs) => opening.then(() => record.serve(served, keepAs)),
    void: (why) => opening.then(() => record.void(why)),
  };
}

/** Written once, when all is known: of a call that delivers nothing before its end, nothing can be lost before it. */
export const recordAtTheEnd = ({ db, records }: RecordHandles, call: OpenedCall): CallRecord => ({
  opened: async () => {},
  serve: (served, keepAs) =>
    servedForSure(db, served, async () => {
      if (!keepAs) await records.openAndServe(call, served);
      else {
        await db.transaction(async (tx) => {
          await openInference(tx, call);
          await serveAndKeep(tx, served, keepAs);
        });
      }
      return true;
    }),
  void: (why) => records.openAndVoid(call, why),
});

async function serveAndKeep(
  tx: Tx,
  served: ServedCall,
  keepAs: CacheKey | undefined,
): Promise<boolean> {
  const isServed = await recordServed(tx, served);
  if (isServed && keepAs) await keepAnswer(tx, keepAs, served);
  return isServed;
}
