/** The record of each price's split: legs, share vector, and how far it has come. */
import { type FeeRole, type Id, OpenLedgerError, type Shares } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { prepared, sql } from '../platform/sql.ts';

/** One role's part of a price and the account it went to. */
export type RoutedLeg = {
  readonly role: FeeRole;
  readonly account: string;
  readonly amount: bigint;
};

/** What was paid for: a call's answer, or passages that were read. */
export type SaleId = Id<'inference'> | Id<'read'>;

export type Routing = {
  readonly saleId: SaleId;
  readonly epoch: number;
  readonly policyHash: string;
  /** The whole price. */
  readonly units: bigint;
  /** The part of it that the shares divide. */
  readonly dataUnits: bigint;
  readonly legs: readonly RoutedLeg[];
  /** As attributed: what the receipt says. Empty when no registered data stands behind the call. */
  readonly shares: Shares;
  /** The newest: as attributed, or by the better evidence that came later. */
  readonly currentShares: Shares;
  /** What is left of each leg after refunds. */
  readonly remaining: readonly bigint[];
  readonly payerId: Id<'party'>;
  readonly operatorId: Id<'party'>;
  readonly servedAt: Date;
  readonly routedAt: Date;
  /** The ledger transaction of the direct legs; undefined until it is posted, and for a price of zero. */
  readonly transactionId: string | undefined;
  readonly isPosted: boolean;
  /** When the share vector's credits stood in the ledger. */
  readonly creditedAt: Date | undefined;
  /** Everything was refunded. */
  readonly isReversed: boolean;
};

export type RoutingRow = {
  sequence: string;
  sale_id: SaleId;
  epoch: number;
  policy_hash: string;
  units: string;
  data_units: string;
  payer_id: Id<'party'>;
  operator_id: Id<'party'>;
  legs: { role: FeeRole; account: string; amount: string }[];
  refunded: string[];
  refunded_units: string;
  share_to: string[];
  share_weights: string[];
  current_to: string[];
  current_weights: string[];
  served_at: Date;
  routed_at: Date;
  transaction_id: string | null;
  is_posted: boolean;
  credited_at: Date | null;
};

export const routingColumns = sql`
  sequence, routings.sale_id, routings.epoch, policy_hash, payer_id, operator_id, units, data_units, legs,
  refunded::text[], refunded_units, served_at, routed_at, transaction_id, is_posted, batches.posted_at as credited_at,
  attributed.share_to, attributed.share_weights::text[],
  newest.share_to as current_to, newest.share_weights::text[] as current_weights`;

export const routingTables = sql`
  fees.routings
  join fees.vectors as attributed
    on attributed.sale_id = routings.sale_id and attributed.reallocation_id is null
  join fees.vectors as newest on newest.id = vector_id
  left join fees.batches on batches.id = batch_id`;

/** @throws not_found when its fees have not been routed */
export async function findRouting(on: Reader, saleId: string): Promise<Routing> {
  const routing = await lookUpRouting(on, saleId);
  if (routing) return routing;
  throw new OpenLedgerError('not_found', `The fees of ${saleId} have not been routed.`);
}

export async function lookUpRouting(on: Reader, saleId: string): Promise<Routing | undefined> {
  const [row] = await on.query<RoutingRow>(
    prepared(
      'fees.find-routing',
      sql`
    select ${routingColumns}
    from ${routingTables}
    where routings.sale_id = ${saleId}`,
    ),
  );
  return row && routingFromRow(row);
}

export function routingFromRow(row: RoutingRow): Routing {
  const legs = row.legs.map((leg) => ({ ...leg, amount: BigInt(leg.amount) }));
  return {
    saleId: row.sale_id,
    epoch: row.epoch,
    policyHash: row.policy_hash,
    payerId: row.payer_id,
    operatorId: row.operator_id,
    units: BigInt(row.units),
    dataUnits: BigInt(row.data_units),
    legs,
    remaining: legs.map(({ amount }, i) => amount - BigInt(row.refunded[i])),
    shares: sharesFromRow(row.share_to, row.share_weights),
    currentShares: sharesFromRow(row.current_to, row.current_weights),
    servedAt: row.served_at,
    routedAt: row.routed_at,
    transactionId: row.transaction_id ?? undefined,
    isPosted: row.is_posted,
    creditedAt: row.credited_at ?? undefined,
    isReversed: row.units !== '0' && row.refunded_units === row.units,
  };
}

export const sharesFromRow = (to: readonly string[], weights: readonly string[]): Shares =>
  to.map((name, i) => ({ to: name, weight: BigInt(weights[i]) }));

/** What is left of the data leg. */
export const remainingData = ({ legs, remaining }: Pick<Routing, 'legs' | 'remaining'>): bigint =>
  remaining[legs.findIndex(({ role }) => role === 'data')] ?? 0n;
