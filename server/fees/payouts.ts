/** Explains a party's earnings, sale by sale. */
import { type FeeRole, WEIGHT_ONE } from '@openledger/protocol';
import { sql } from '../platform/sql.ts';
import {
  type Routing,
  type RoutingRow,
  remainingData,
  routingColumns,
  routingFromRow,
  routingTables,
  type SaleId,
} from './routings.ts';
import { creditAccount, type FeesHandles } from './stage.ts';

/** One part of one price that is a party's. */
export type Payout = {
  readonly saleId: SaleId;
  readonly role: FeeRole;
  /**
   * Whole units, for data rounded down: credits are rounded over a lifetime and not call by call. What is left after
   * refunds; of a price that was refunded whole, what it had been.
   */
  readonly units: bigint;
  /** For data: the party's share of the data leg, and that leg. */
  readonly weight: bigint | undefined;
  readonly dataUnits: bigint | undefined;
  /** The pool through which the share comes; undefined where evidence names the party itself. */
  readonly pool: string | undefined;
  readonly servedAt: Date;
  /** When the share vector was credited: to the party, or to the pool, which passes it on when its epoch matures. */
  readonly creditedAt: Date | undefined;
  readonly isReversed: boolean;
};

export type PayoutPage = {
  readonly payouts: readonly Payout[];
  /** `after` of the next page; undefined on the last. */
  readonly next: string | undefined;
};

/**
 * The newest sale first.
 *
 * @param query.after a sale's id; the page begins with the next older one
 * @param query.limit the most sales; one can have several payouts
 */
export async function payoutsOf(
  handles: FeesHandles,
  query: { readonly partyId: string; readonly limit: number; readonly after?: string },
): Promise<PayoutPage> {
  const pools = await poolsOf(handles, query.partyId);
  const rows = await handles.db.query<RoutingRow>(sql`
    select ${routingColumns}
    from ${routingTables}
    where (
        vector_id in (
          select id from fees.vectors where share_to && ${[query.partyId, ...pools.keys()]}::text[]
        )
        or earners @> array[${query.partyId}::text]
      )
      and (${query.after ?? null}::text is null or sequence < (
        select sequence from fees.routings where sale_id = ${query.after ?? null}
      ))
    order by sequence desc
    limit ${query.limit}`);
  return {
    payouts: rows.flatMap((row) => payoutsIn(routingFromRow(row), query.partyId, pools)),
    next: rows.length === query.limit ? rows.at(-1)?.sale_id : undefined,
  };
}

/** The pools that the party is a member of, with its weight. Pools are few: one a snapshot and version. */
async function poolsOf(
  { db, poolMembers }: FeesHandles,
  partyId: string,
): Promise<ReadonlyMap<string, bigint>> {
  const rows = await db.query<{ pool: string }>(sql`select distinct pool from fees.pool_epochs`);
  const weights = new Map<string, bigint>();
  for (const { pool } of rows) {
    const member = (await poolMembers(pool)).find(({ party }) => party === partyId);
    if (member) weights.set(pool, member.weight);
  }
  return weights;
}

function payoutsIn(
  { saleId, servedAt, creditedAt, isReversed, ...routing }: Routing,
  partyId: string,
  pools: ReadonlyMap<string, bigint>,
): readonly Payout[] {
  const common = { saleId, servedAt, creditedAt, isReversed };
  const dataUnits = isReversed ? routing.dataUnits : remainingData(routing);
  const data = routing.currentShares.flatMap(({ to, weight: whole }): Payout[] => {
    const pool = pools.get(to);
    if (to !== partyId && pool === undefined) return [];
    const weight = pool === undefined ? whole : (whole * pool) / WEIGHT_ONE;
    const units = (dataUnits * weight) / WEIGHT_ONE;
    const through = pool === undefined ? undefined : to;
    return [{ ...common, role: 'data', units, weight, dataUnits, pool: through }];
  });
  const account = creditAccount(partyId, routing.epoch);
  const direct = routing.legs.flatMap((leg, i): Payout[] => {
    if (leg.account !== account) return [];
    const units = isReversed ? leg.amount : routing.remaining[i];
    const none = { weight: undefined, dataUnits: undefined, pool: undefined };
    return [{ ...common, ...none, role: leg.role, units }];
  });
  return [...data, ...direct];
}
