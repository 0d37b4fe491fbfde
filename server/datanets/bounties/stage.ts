/** What bounties need from outside. */
import type { Ledger } from '../../ledger/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db.ts';
import type { Log } from '../../platform/log.ts';

export type BountyHandles = {
  readonly db: Db;
  readonly ledger: Pick<Ledger, 'post'>;
  readonly clock: Clock;
  readonly log: Log;
};
