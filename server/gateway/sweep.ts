/** Ends what a dead process left behind. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Ledger } from '../ledger/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { capture, findUncaptured } from './capture.ts';
import { HOLD_TTL_MS, holdIdOf } from './hold.ts';
import { voidAbandoned } from './inferences.ts';

type SweepHandles = {
  readonly db: Db;
  readonly ledger: Ledger;
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
 */
export async function recover({ db, ledger, clock }: SweepHandles): Promise<void> {
  const left = await db.transaction((tx) => voidAbandoned(tx, clock.now()));
  for (const inferenceId of left) {
    await ledger
      .release({
        holdId: holdIdOf(inferenceId),
        reason: 'inference.void',
        reference: inferenceId,
      })
      .catch(ignoreExpired);
  }
}

function ignoreExpired(error: unknown): void {
  if (!(error instanceof OpenLedgerError && error.code === 'conflict')) throw error;
}
