/** One call on record, from its opening to its end, and its money with it, by the cheapest way that keeps what is promised. */
import type { Db, Tx } from '../platform/db.ts';
import { outlast } from '../platform/outlast.ts';
import { type CacheKey, keepAnswer } from './cache.ts';
import type { CallJournal, Priced } from './call-journal.ts';
import type { CallRecords } from './call-records.ts';
import type { Delivery } from './charge.ts';
import {
  endedRow,
  findInference,
  type Opening,
  openedRow,
  recordServed,
  recordVoid,
  type ServedCall,
  type VoidReason,
  voidRow,
} from './inferences.ts';
import { isLimited } from './limits.ts';
import type { Reservation } from './money.ts';

export type CallRecord = {
  /** Resolves when the call is on record: to be awaited before the first byte of a stream. */
  opened(): Promise<void>;
  /**
   * Records a delivery; what it costs is then taken of what is set aside.
   *
   * @param keepAs under which the answer may be given again
   * @returns what it costs; undefined when somebody else has ended the call as void
   */
  serve(served: ServedCall, keepAs: CacheKey | undefined): Promise<Priced | undefined>;
  /** Nothing was delivered: all that is set aside is free again. */
  void(why: VoidReason): Promise<void>;
};

type Set = { readonly call: Opening; readonly reservation: Reservation };

/**
 * It stands in the tables already; its key's limits are settled with its end. A served call is recorded however long the
 * database is away: what its client has must be paid.
 */
export const recordOfOpened = (
  { db, records }: { readonly db: Db; readonly records: CallRecords },
  { call: { inferenceId, caller }, reservation }: Set,
): CallRecord => ({
  opened: async () => {},
  async serve(served, keepAs) {
    await reservation.durable();
    const isWritten = await outlast(() =>
      isLimited(caller) || keepAs
        ? db.transaction((tx) => serveAndKeep(tx, served, keepAs))
        : records.serve(served),
    );
    const priced = isWritten ? served : await outlast(() => findServed(db, inferenceId));
    if (priced) reservation.capture(priced.priceUnits);
    else await reservation.void();
    return priced;
  },
  // Where it cannot be written a sweep will void it; the money is free all the same.
  void: (why) =>
    outlast(() =>
      isLimited(caller)
        ? db.transaction((tx) => recordVoid(tx, inferenceId, why))
        : records.void(inferenceId, why),
    ).finally(() => reservation.void()),
});

/** It may have been written although that was not heard, or another process has ended the call: what stands there counts. */
async function findServed(db: Db, inferenceId: string): Promise<Priced | undefined> {
  const { status, usage, priceUnits } = await findInference(db, inferenceId);
  return status === 'served' ? { usage, priceUnits } : undefined;
}

async function serveAndKeep(
  tx: Tx,
  served: ServedCall,
  keepAs: CacheKey | undefined,
): Promise<boolean> {
  const isServed = await recordServed(tx, served);
  if (isServed && keepAs) await keepAnswer(tx, keepAs, served);
  return isServed;
}

/**
 * It is written down in the money's log, and stored a moment later. A whole answer is written down once, when all is known:
 * of a call that delivers nothing before its end, nothing can be lost before it.
 */
export function recordInJournal(
  { db, journal }: { readonly db: Db; readonly journal: CallJournal },
  { call, reservation, delivery }: Set & { readonly delivery: Delivery },
): CallRecord {
  const { inferenceId: id } = call;
  const opened = openedRow(call);
  const opening = delivery === 'streamed' ? journal.write(id, { opened }) : undefined;
  opening?.catch(() => {}); // whoever waits for it is told
  const unopened = opening ? {} : { opened };
  return {
    opened: async () => opening,
    async serve(served, keepAs) {
      let recorded: Priced | undefined = served;
      await journal.write(id, { ...unopened, ended: endedRow(served) }, async (priced) => {
        recorded = priced;
        if (!priced) return reservation.void(); // the loss is ours
        reservation.capture(priced.priceUnits);
        if (keepAs) await db.transaction((tx) => keepAnswer(tx, keepAs, served));
      });
      return recorded;
    },
    async void(why) {
      journal.mention(id, { ...unopened, ended: voidRow(id, why) });
      await reservation.void();
    },
  };
}
