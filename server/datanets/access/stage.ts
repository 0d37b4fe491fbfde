/** What access needs from outside. */
import type { Governance } from '../../governance/index.ts';
import type { Caller } from '../../identity/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db, Tx } from '../../platform/db.ts';
import type { Log } from '../../platform/log.ts';

export type AccessHandles = {
  readonly db: Db;
  readonly ledger: Pick<Ledger, 'post'>;
  readonly governance: Pick<Governance, 'policyInForce'>;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Counts units towards what a key may spend; negative ones are given back. Limits are kept above: whoever builds this
   * knows them.
   *
   * @throws insufficient_funds
   */
  readonly spend: (
    tx: Tx,
    key: Pick<Caller, 'keyId' | 'limitUnits' | 'limits'>,
    spent: { readonly units: bigint; readonly at: Date },
  ) => Promise<void>;
};
