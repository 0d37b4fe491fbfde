/**
 * Fees: splits the price of an attributed inference by the policy and credits everybody who has a part in it.
 *
 * It promises that
 * - a price is split to the last unit: direct legs by the policy's ppm, rounded down, the rest to the treasury;
 * - the data leg goes whole to `control:data`, and each party is credited floor(sum of amount * weight / 2^64) in
 *   total, whatever the order in which inferences arrive;
 * - `control:data` holds exactly the fractions and what pools have taken in (`checkControl` proves it);
 * - a credit stands in the ledger within a roll-up's interval of its routing, exactly once, whatever crashes;
 * - when `closeEpoch` returns, nothing is ever added to `<party>:pending:<epoch>` again.
 *
 * It does not decide shares (attribution) or policies (governance), does not mature credits or pay them out
 * (settlement), and does not move the payer's money: the gateway has captured the price to `clearing:fees` before.
 *
 * Shares of pools are added up per pool and epoch, and reach their members when the epoch closes. A pool without
 * members pays the commons.
 *
 * Tables: fees.epochs, fees.routings, fees.batches, fees.entitlements, fees.pool_epochs, fees.pools.
 */
import type { Id } from '@openledger/protocol';
import { type ControlCheck, checkControl } from './check-control.ts';
import { closeEpoch } from './close-epoch.ts';
import { type Earnings, earningsOf, topEarners } from './earnings.ts';
import { openEpoch } from './epochs.ts';
import { type PayoutPage, payoutsOf } from './payouts.ts';
import { reverseFees } from './reverse.ts';
import { followRoutings, rollUp } from './roll-up.ts';
import { routeFees } from './route.ts';
import { findRouting, type Routing } from './routings.ts';
import type { FeesHandles } from './stage.ts';
import { type FeesSummary, summarizeFees } from './summary.ts';

export type { ControlCheck } from './check-control.ts';
export type { Earnings } from './earnings.ts';
export type { Payout, PayoutPage } from './payouts.ts';
export { poolMembersFrom } from './pool-members-from.ts';
export type { RoutedLeg, Routing } from './routings.ts';
export type { FeesHandles } from './stage.ts';
export type { FeesSummary } from './summary.ts';

export type Fees = {
  /** Routes an attributed inference's captured price, and announces `fees.routed`. Repeatable. */
  route(inferenceId: string): Promise<void>;
  /** @throws not_found when the inference's fees have not been routed */
  find(inferenceId: string): Promise<Routing>;
  /** Returns a whole price to `clearing:fees` while its epoch is open. Repeatable. */
  reverse(inferenceId: string): Promise<void>;

  /** Starts the follower that credits new routings. */
  startRollUp(options?: { readonly intervalMs?: number }): { stop(): Promise<void> };
  /** Credits everything routed so far. @returns how many inferences that was */
  rollUp(): Promise<number>;
  /** The epoch into which credits fall now. The first is 1. */
  openEpoch(): Promise<number>;
  /** Credits all that belongs to the epoch, folds its pools, and opens the next. Repeatable. */
  closeEpoch(epoch: number): Promise<void>;
  checkControl(): Promise<ControlCheck>;

  earnings(partyId: string): Promise<Earnings>;
  payouts(query: {
    readonly partyId: string;
    readonly limit: number;
    readonly after?: string;
  }): Promise<PayoutPage>;
  top(limit: number): Promise<readonly { readonly partyId: Id<'party'>; readonly units: bigint }[]>;
  summary(): Promise<FeesSummary>;
};

export function createFees(handles: FeesHandles): Fees {
  const { db } = handles;
  return {
    route: (inferenceId) => routeFees(handles, inferenceId),
    find: (inferenceId) => findRouting(db, inferenceId),
    reverse: (inferenceId) => reverseFees(handles, inferenceId),
    startRollUp({ intervalMs = 200 } = {}) {
      const stopping = new AbortController();
      const following = followRoutings(handles, { intervalMs, signal: stopping.signal });
      return {
        stop: () => {
          stopping.abort();
          return following;
        },
      };
    },
    rollUp: () => rollUp(handles),
    openEpoch: () => openEpoch(db),
    closeEpoch: (epoch) => closeEpoch(handles, epoch),
    checkControl: () => checkControl(handles),
    earnings: (partyId) => earningsOf(handles, partyId),
    payouts: (query) => payoutsOf(handles, query),
    top: (limit) => topEarners(db, limit),
    summary: () => summarizeFees(db),
  };
}
