/**
 * Fees: splits the price of an attributed inference, or of passages that were read, by the policy, credits everybody who has a part in it, and corrects what
 * turns out to be wrong.
 *
 * It promises that
 * - a price is split to the last unit: direct legs by the policy's ppm, rounded down, the rest to the treasury;
 * - the data leg goes whole to `control:data`, and each party is credited floor(sum of amount * weight / 2^64) in
 *   total, whatever the order in which sales, refunds and reallocations arrive;
 * - `control:data` holds exactly the fractions and what pools have taken in: each roll-up, fold and correction is refused
 *   where it would not (`bookControl`), and `checkControl` adds everything up;
 * - a credit stands in the ledger within a roll-up's interval of its routing, exactly once, whatever crashes;
 * - a pool costs one row a roll-up, however many members it has. They are credited when the epoch matures;
 * - when `closeEpoch` returns, routings add nothing to `<party>:pending:<epoch>` any more; when `mature` returns, nothing
 *   changes there any more, and what stands there is settlement's;
 * - partial refunds, however many, end in the exact mirror of the split. They reach the payer's `available`;
 * - a refund never lowers what was settled: what has matured is advanced by the operator's bond (`<operator>:stake`), then
 *   by the insurance, or the refund is refused and leaves nothing behind. The advance is a receivable
 *   (`<party>:receivable` in `OPEN:receivable`), paid back oldest first from what the party is credited next.
 *
 * It does not decide shares (attribution), policies (governance), or whether a refund is due (whoever asks for it); it does
 * not move what has matured or pay it out (settlement). A price reaches `clearing:fees` by the gateway's capture.
 *
 * Only this stage takes from pending accounts that have not matured; what it plans relies on that.
 *
 * Tables: fees.epochs, fees.routings, fees.vectors, fees.batches, fees.entitlements, fees.pool_epochs, fees.pools,
 * fees.control, fees.corrections, fees.receivables.
 */
import type { Id } from '@openledger/protocol';
import { type ControlCheck, checkControl } from './check-control.ts';
import { closeEpoch } from './close-epoch.ts';
import { type Earnings, earningsOf, topEarners } from './earnings.ts';
import { openEpoch } from './epochs.ts';
import { matureEpochs } from './mature-epochs.ts';
import { type PayoutPage, payoutsOf } from './payouts.ts';
import { type Reallocation, reallocateFees } from './reallocate.ts';
import { type Refund, type RefundWish, refundFees } from './refund.ts';
import { followRoutings, rollUp } from './roll-up.ts';
import { routeFees, routeRead } from './route.ts';
import { findRouting, type Routing } from './routings.ts';
import type { FeesHandles } from './stage.ts';
import { type FeesSummary, summarizeFees } from './summary.ts';

export type { ControlCheck } from './check-control.ts';
export type { Earnings } from './earnings.ts';
export type { Payout, PayoutPage } from './payouts.ts';
export { poolMembersFrom } from './pool-members-from.ts';
export type { Reallocation } from './reallocate.ts';
export type { Refund, RefundWish } from './refund.ts';
export type { RoutedLeg, Routing, SaleId } from './routings.ts';
export type { FeesHandles } from './stage.ts';
export type { FeesSummary } from './summary.ts';

export type Fees = {
  /** Routes an attributed inference's captured price, and announces `fees.routed`. Repeatable. */
  route(inferenceId: string): Promise<void>;
  /** As `route`, the price of a paid read. */
  routeRead(readId: string): Promise<void>;
  /** @throws not_found when its fees have not been routed */
  find(saleId: string): Promise<Routing>;
  /**
   * Gives a price back to its payer, whole where no units are named. Repeatable.
   *
   * @throws unprocessable when less remains; insufficient_funds when nobody can advance what has matured; conflict
   */
  refund(wish: RefundWish): Promise<Refund>;
  /** Divides what remains of the data leg by better shares, until it matures. Repeatable. @throws conflict after that */
  reallocate(wish: Reallocation): Promise<void>;

  /** Starts the follower that credits new routings. */
  startRollUp(options?: { readonly intervalMs?: number }): { stop(): Promise<void> };
  /** Credits everything routed so far. @returns how many sales that was */
  rollUp(): Promise<number>;
  /** The epoch into which credits fall now. The first is 1. */
  openEpoch(): Promise<number>;
  /** Credits all that was routed in the epoch, and opens the next. Repeatable. */
  closeEpoch(epoch: number): Promise<void>;
  /** Folds the pools of closed epochs up to this one, whose dispute windows have passed. Repeatable. */
  mature(through: number): Promise<void>;
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
    routeRead: (readId) => routeRead(handles, readId),
    find: (saleId) => findRouting(db, saleId),
    refund: (wish) => refundFees(handles, wish),
    reallocate: (wish) => reallocateFees(handles, wish),
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
    mature: (through) => matureEpochs(handles, through),
    checkControl: () => checkControl(handles),
    earnings: (partyId) => earningsOf(handles, partyId),
    payouts: (query) => payoutsOf(handles, query),
    top: (limit) => topEarners(db, limit),
    summary: () => summarizeFees(db),
  };
}
