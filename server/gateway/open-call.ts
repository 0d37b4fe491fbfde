/** Sets a call's money aside and puts it on record, before any operator is asked. */
import type { Access } from '../datanets/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import { openInference, recordRefused } from './inferences.ts';
import { assertWithinLimits, reserveLimits } from './limits.ts';
import type { Money, Reservation } from './money.ts';
import type { Rates } from './refusal.ts';
import type { FoundContext } from './retrieve-context.ts';

export type OpenHandles = {
  readonly db: Db;
  readonly money: Money;
  readonly access: Pick<Access, 'read'>;
  readonly clock: Clock;
};

/**
 * The money first, then the record with the key's promise: whatever dies in between, it comes back by itself. What is read for
 * pay is paid last, so that a call which cannot be paid costs nothing. A key that is beyond its limits is told so before any
 * money is moved; whoever slips through is stopped where the promise is made.
 */
export async function openCall(
  handles: OpenHandles,
  call: Parameters<typeof openInference>[1],
  from: FoundContext['from'],
): Promise<{ readonly reservation: Reservation; readonly rates: Rates | undefined }> {
  await assertWithinLimits(handles.db, call);
  const reservation = await handles.money.reserve({ ...call, payerId: call.caller.partyId });
  try {
    const rates = await handles.db.transaction(async (tx) => {
      const left = await reserveLimits(tx, call);
      await openInference(tx, call);
      return left;
    });
    const { caller, request } = call;
    for (const read of from) {
      await handles.access.read({ ...read, caller, payUpTo: request.context.payUpTo });
    }
    return { reservation, rates };
  } catch (error) {
    const { inferenceId } = call;
    await handles.db.transaction((tx) => recordRefused(tx, inferenceId, handles.clock.now()));
    await reservation.void();
    throw error;
  }
}
