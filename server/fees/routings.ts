/** The record of each price's split: legs, share vector, and how far it has come. */
import { type FeeRole, type Id, OpenLedgerError, type Shares } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';

/** One role's part of a price and the account it went to. */
export type RoutedLeg = {
  readonly role: FeeRole;
  readonly account: string;
  readonly amount: bigint;
};

export type Routing = {
  readonly inferenceId: Id<'inference'>;
  readonly epoch: number;
  readonly policyHash: string;
  /** The whole price. */
  readonly units: bigint;
  /** The part of it that the shares divide. */
  readonly dataUnits: bigint;
  readonly legs: readonly RoutedLeg[];
  /** Empty when no registered data stands behind the inference. */
  readonly shares: Shares;
  readonly servedAt: Date;
  readonly routedAt: Date;
  /** The ledger transaction of the direct legs; undefined until it is posted, and for a price of zero. */
  readonly transactionId: string | undefined;
  readonly isPosted: boolean;
  /** When the share vector's credits stood in the ledger. */
  readonly creditedAt: Date | undefined;
  readonly isReversed: boolean;
};

export type RoutingRow = {
  sequence: string;
  inference_id: Id<'inference'>;
  epoch: number;
  policy_hash: string;
  units: string;
  data_units: string;
  legs: { role: FeeRole; account: string; amount: string }[];
  share_to: string[];
  share_weights: string[];
  served_at: Date;
  routed_at: Date;
  transaction_id: string | null;
  is_posted: boolean;
  reversal_id: string | null;
  credited_at: Date | null;
};

export const routingColumns = sql`
  sequence, inference_id, routings.epoch, policy_hash, units, data_units, legs, share_to, share_weights::text[],
  served_at, routed_at, transaction_id, is_posted, reversal_id, batches.posted_at as credited_at`;

/** @throws not_found when the inference's fees have not been routed */
export async function findRouting(on: Reader, inferenceId: string): Promise<Routing> {
  const routing = await lookUpRouting(on, inferenceId);
  if (routing) return routing;
  throw new OpenLedgerError('not_found', `The fees of ${inferenceId} have not been routed.`);
}

export async function lookUpRouting(on: Reader, inferenceId: string): Promise<Routing | undefined> {
  const [row] = await on.query<RoutingRow>(sql`
    select ${routingColumns}
    from fees.routings
    left join fees.batches on batches.id = batch_id
    where inference_id = ${inferenceId}`);
  return row && routingFromRow(row);
}

export const routingFromRow = (row: RoutingRow): Routing => ({
  inferenceId: row.inference_id,
  epoch: row.epoch,
  policyHash: row.policy_hash,
  units: BigInt(row.units),
  dataUnits: BigInt(row.data_units),
  legs: row.legs.map(({ role, account, amount }) => ({ role, account, amount: BigInt(amount) })),
  shares: sharesFromRow(row),
  servedAt: row.served_at,
  routedAt: row.routed_at,
  transactionId: row.transaction_id ?? undefined,
  isPosted: row.is_posted,
  creditedAt: row.credited_at ?? undefined,
  isReversed: row.reversal_id !== null,
});

export const sharesFromRow = (row: Pick<RoutingRow, 'share_to' | 'share_weights'>): Shares =>
  row.share_to.map((to, i) => ({ to, weight: BigInt(row.share_weights[i]) }));
