/** One call on record, from its opening to its end, by whichever way is the cheapest that keeps what is promised. */
import { type Db, isUniqueViolation, type Tx } from '../platform/db.ts';
import { isUndecided, outlast } from '../platform/outlast.ts';
import { type CacheKey, keepAnswer } from './cache.ts';
import type { CallRecords } from './call-records.ts';
import {
  findInference,
  type Opening,
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
   * @returns what it costs; undefined when somebody else has ended the call as void
   */
  serve(served: ServedCall, keepAs: CacheKey | undefined): Promise<Priced | undefined>;
  void(why: VoidReason): Promise<void>;
};

export type RecordHandles = { readonly db: Db; readonly records: CallRecords };

/** What a call is paid for, as it stands on record. */
export type Priced = Pick<ServedCall, 'usage' | 'priceUnits'>;

/**
 * A served call is on record, however long the database is away: what its client has must be paid. It may have been written
 * although the answer was lost, or another process has ended it meanwhile: then what stands there counts.
 */
const servedForSure = (
  db: Db,
  served: ServedCall,
  write: () => Promise<boolean>,
): Promise<Priced | undefined> =>
  outlast(async () => {
    const isWritten = await write().catch((error: unknown) => {
      if (isUniqueViolation(error)) return false;
      throw error;
    });
    return isWritten ? served : findServed(db, served.inferenceId);
  });

async function findServed(db: Db, inferenceId: string): Promise<Priced | undefined> {
  const { status, usage, priceUnits } = await findInference(db, inferenceId);
  return status === 'served' ? { usage, priceUnits } : undefined;
}

/** It stands there already; its key's limits are settled with its end. */
export const recordOfOpened = ({ db, records }: RecordHandles, call: Opening): CallRecord => {
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
      outlast(() =>
        isLimited(caller)
          ? db.transaction((tx) => recordVoid(tx, inferenceId, why))
          : records.void(inferenceId, why),
      ),
  };
};

/** Written while the operator is asked. The payer's money is safe without it: the intent log knows of the call. */
export function recordMeanwhile(handles: RecordHandles, call: Opening): CallRecord {
  const opening = openOnce(handles.records, call);
  opening.catch(() => {}); // whoever waits for it is told
  const record = recordOfOpened(handles, call);
  return {
    opened: () => opening,
    serve: (served, keepAs) => opening.then(() => record.serve(served, keepAs)),
    void: (why) =>
      opening.then(
        () => record.void(why),
        () => recordAtTheEnd(handles, call).void(why),
      ),
  };
}

/** A database that is away refuses the call; one that does not say whether it was written is asked again. */
async function openOnce(records: CallRecords, call: Opening): Promise<void> {
  try {
    await records.open(call);
  } catch (error) {
    if (!isUndecided(error)) throw error;
    await outlast(() => records.open(call)).catch(unlessThere);
  }
}

function unlessThere(error: unknown): void {
  if (!isUniqueViolation(error)) throw error;
}

/** Written once, when all is known: of a call that delivers nothing before its end, nothing can be lost before it. */
export const recordAtTheEnd = ({ db, records }: RecordHandles, call: Opening): CallRecord => ({
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
  void: (why) => outlast(() => records.openAndVoid(call, why)).catch(unlessThere),
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
