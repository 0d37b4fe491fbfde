/** Sets a call's money aside and puts it on record, before any operator is asked. */
import type { Access } from '../datanets/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { isAway, outlast } from '../platform/outlast.ts';
import type { CallJournal } from './call-journal.ts';
import { type CallRecord, recordInJournal, recordOfOpened } from './call-record.ts';
import type { CallRecords } from './call-records.ts';
import type { Delivery } from './charge.ts';
import { type Claim, openClaim } from './idempotency.ts';
import { type Opening, openInference, recordRefused } from './inferences.ts';
import { assertWithinLimits, isLimited, reserveLimits } from './limits.ts';
import type { Money, Reservation } from './money.ts';
import type { Rates } from './refusal.ts';
import type { FoundContext } from './retrieve-context.ts';

export type OpenHandles = {
  readonly db: Db;
  readonly money: Money;
  readonly records: CallRecords;
  /** Where the money's log is on this process's disk. */
  readonly journal: CallJournal | undefined;
  readonly access: Pick<Access, 'read'>;
  readonly clock: Clock;
  readonly log: Log;
};

/** A call whose money is set aside. */
export type Opened = {
  readonly reservation: Reservation;
  readonly record: CallRecord;
  readonly rates: Rates | undefined;
};

/** What is read for the call, and may cost. */
type Read = FoundContext['from'][number] & { readonly payUpTo: bigint };

/**
 * The money first, then the record with the key's promise: whatever dies in between, it comes back by itself. What is read for
 * pay is paid last, so that a call which cannot be paid costs nothing. A key that is beyond its limits is told so before any
 * money is moved; whoever slips through is stopped where the promise is made.
 *
 * Where the money's log is on the disk, and nothing else is promised with the record, the record is written down there.
 */
export async function openCall(
  handles: OpenHandles,
  call: Opening & { readonly delivery: Delivery; readonly claim?: Claim },
  reads: readonly Read[],
): Promise<Opened> {
  await assertWithinLimits(handles.db, call);
  const reservation = await handles.money.reserve({ ...call, payerId: call.caller.partyId });
  const { db, journal, records } = handles;
  const isAlone = !isLimited(call.caller) && reads.length === 0 && !call.claim;
  if (journal && isAlone) {
    const { delivery } = call;
    const record = recordInJournal({ db, journal }, { call, reservation, delivery });
    return { reservation, record, rates: undefined };
  }
  try {
    const rates = await db.transaction(async (tx) => {
      if (call.claim) await openClaim(tx, call.claim);
      const left = await reserveLimits(tx, call);
      await openInference(tx, call);
      return left;
    });
    const { caller } = call;
    for (const read of reads) await handles.access.read({ ...read, caller });
    return { reservation, record: recordOfOpened({ db, records }, { call, reservation }), rates };
  } catch (error) {
    const { inferenceId } = call;
    const refusing = outlast(() =>
      handles.db.transaction((tx) => recordRefused(tx, inferenceId, handles.clock.now())),
    );
    refusing.catch((cause: unknown) =>
      handles.log.error('gateway.void_failed', { inferenceId, error: cause }),
    );
    if (!isAway(error)) await refusing; // nobody waits for a database that is away to hear that it is
    await reservation.void();
    throw error;
  }
}
