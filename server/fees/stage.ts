/** What fees works with, and the names of its accounts. */
import { COMMONS, type EntitlementVector } from '@openledger/protocol';
import type { Attributions } from '../attribution/index.ts';
import type { Gateway } from '../gateway/index.ts';
import type { Governance } from '../governance/index.ts';
import type { Ledger } from '../ledger/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { sql } from '../platform/sql.ts';

export type FeesHandles = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Pick<Ledger, 'post' | 'balance' | 'balances'>;
  readonly gateway: Pick<Gateway, 'find'>;
  readonly attributions: Pick<Attributions, 'find'>;
  readonly governance: Pick<Governance, 'findPolicy'>;
  /** A pool's entitlement vector. Fixed for ever under its name; empty when nothing of it may be paid. */
  readonly poolMembers: (pool: string) => Promise<EntitlementVector>;
};

export const CLEARING = 'clearing:fees';
export const CONTROL = 'control:data';

export const isPool = (payee: string): boolean => payee.startsWith('pool:');

/** Where a party's credits of an epoch go. The commons has one account for all time. */
export const creditAccount = (payee: string, epoch: number): string =>
  payee === COMMONS ? COMMONS : `${payee}:pending:${epoch}`;

/** One planner at a time: batches are planned from entitlements that no one else is changing. */
export async function lockEntitlements(tx: Tx): Promise<void> {
  await tx.query(sql`select pg_advisory_xact_lock(7300201)`);
}
