/** Ends what a dead process left behind. */
import type { Ledger } from '../ledger/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { capture, findUncaptured } from './capture.ts';
import { HOLD_TTL_MS } from './hold.ts';
import { recordServed, voidAbandoned } from './inferences.ts';
import type { Money } from './money.ts';

type SweepHandles = {
  readonly db: Db;
  readonly ledger: Ledger;
  readonly money: Money;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Captures what was served before its hold can expire, then voids the calls that never ended, then lets holds expire.
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
  await db.transaction((tx) => voidAbandoned(tx, ago(HOLD_TTL_MS)));
  await ledger.expireHolds(now);
}

/**
 * Ends every call that the process before this one left open, and gives its money back at once. To be called before
 * serving: only one process writes the ledger, so nobody can be serving them any more.
 *
 * Where the money's log tells what was forwarded, that was charged; the text itself died with the process.
 */
export async function recover({ db, money, clock }: SweepHandles): Promise<void> {
  for (const { inferenceId, units: priceUnits, usage } of await money.recover()) {
    await db.transaction((tx) =>
      recordServed(tx, {
        ...{ inferenceId, usage, priceUnits, output: '', finishReason: 'gateway_failed' },
        ...{ estimated: true, servedAt: clock.now() },
      }),
    );
  }
  const left = await db.transaction((tx) => voidAbandoned(tx, clock.now()));
  for (const inferenceId of left) await money.release(inferenceId);
}
