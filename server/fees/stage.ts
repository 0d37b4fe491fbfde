/** What fees works with, and the names of its accounts. */
import { COMMONS, type EntitlementVector, OPEN } from '@openledger/protocol';
import type { Attributions } from '../attribution/index.ts';
import type { Access } from '../datanets/index.ts';
import type { Gateway } from '../gateway/index.ts';
import type { Governance } from '../governance/index.ts';
import type { Ledger } from '../ledger/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';

export type FeesHandles = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Pick<Ledger, 'post' | 'balance' | 'balances'>;
  readonly gateway: Pick<Gateway, 'find'>;
  readonly attributions: Pick<Attributions, 'find'>;
  readonly reads: Pick<Access['reads'], 'find'>;
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

/** What a party has to give back stands in `<party>:receivable`, in an asset of its own: it is a claim, not money. */
export const RECEIVABLE = `${OPEN}:receivable`;

/** The party of `<party>:pending:<epoch>`; undefined for the protocol's own accounts. */
export const partyOf = (account: string): string | undefined =>
  /^([^:]+):pending:[0-9]+$/.exec(account)?.[1];
