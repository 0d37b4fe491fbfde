/** Ends what a dead process left behind. */
import type { Ledger } from '../ledger/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { findGone } from '../platform/presence.ts';
import { boundCache, type CacheSettings } from './cache.ts';
import { capture, findUncaptured } from './capture.ts';
import { HOLD_TTL_MS } from './hold.ts';
import { forgetKeys } from './idempotency.ts';
import { findServing, voidLate, voidOf } from './inferences.ts';
import { forgetDays } from './limits.ts';
import type { Money } from './money.ts';

/** Calls under way at midnight still have to give back what they do not use of their day's budget. */
const KEEP_DAYS_MS = 7 * 86_400_000;

/** A client that asks again does so within a day. */
const KEEP_KEYS_MS = 86_400_000;

type SweepHandles = {
  readonly db: Db;
  readonly ledger: Ledger;
  readonly money: Money;
  readonly clock: Clock;
  readonly log: Log;
  readonly cache?: CacheSettings;
};

/**
 * Captures what was served before its hold can expire, then voids the calls that never ended, then lets holds expire;
 * drops what the cache may not give any more, the keys' budgets of days that are over, and idempotency keys after a day.
 *
 * In this order a server that stood still for a day still pays for what it had served.
 */
export async function sweep(handles: SweepHandles): Promise<void> {
  const { db, ledger, clock, log } = handles;
  const now = clock.now();
  const ago = (ms: number) => new Date(now.getTime() - ms);
  for (const inferenceId of await findUncaptured(db, ago(HOLD_TTL_MS / 2))) {
    await capture(handles, inferenceId).catch((error: unknown) =>
      log.error('gateway.capture_failed', { inferenceId, error }),
    );
  }
  await db.transaction((tx) => voidLate(tx, ago(HOLD_TTL_MS)));
  await ledger.expireHolds(now);
  await db.transaction((tx) => forgetDays(tx, ago(KEEP_DAYS_MS)));
  await db.transaction((tx) => forgetKeys(tx, ago(KEEP_KEYS_MS)));
  await boundCache(db, { before: ago((handles.cache?.seconds ?? 0) * 1000) });
}

/**
 * Takes over from the process before this one, then ends what it left open. To be called once, before serving.
 *
 * Where the money's log tells what was forwarded, that is charged; what has delivered nothing is void.
 */
export async function recover(handles: SweepHandles): Promise<void> {
  await handles.money.recover();
  await voidAbandoned(handles);
}

/**
 * Ends every call that a process which is gone has left open, and gives its money back at once. Calls of the living are not
 * touched, whichever process serves them.
 */
export async function voidAbandoned({ db, money }: SweepHandles): Promise<void> {
  const gone = await findGone(db, await findServing(db));
  if (gone.length === 0) return;
  const left = await db.transaction((tx) => voidOf(tx, gone));
  for (const inferenceId of left) await money.release(inferenceId);
}
