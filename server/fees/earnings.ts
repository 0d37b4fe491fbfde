/** What a party has earned, where it stands, and who earned most. */
import { type FeeRole, type Id, OPEN, WEIGHT_ONE } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { type FeesHandles, RECEIVABLE } from './stage.ts';

/** Units, over a party's whole life. */
export type Earnings = {
  /** Credited for data: evidence, and the pools folded so far. */
  readonly data: bigint;
  /** Credited as operator, builder, and builder of the base. */
  readonly operator: bigint;
  readonly builder: bigint;
  readonly base: bigint;
  /** Its part of pools in epochs that have not matured, rounded down; credited when they do. */
  readonly accruing: bigint;
  /** What is owed below one unit, in 2^-64 units. */
  readonly fraction: bigint;
  /** Where the credits stand now, all roles together. */
  readonly pending: bigint;
  readonly payable: bigint;
  readonly escrow: bigint;
  readonly exported: bigint;
  /** What it has to give back of what it was paid; netted from its next credits. */
  readonly receivable: bigint;
};

export async function earningsOf(handles: FeesHandles, partyId: string): Promise<Earnings> {
  const [entitlement] = await handles.db.query<{ credited: string; fraction: string }>(sql`
    select credited, entitled - credited * ${WEIGHT_ONE}::numeric as fraction
    from fees.entitlements
    where payee = ${partyId}`);
  const direct = await directEarnings(handles.db, partyId);
  return {
    data: BigInt(entitlement?.credited ?? 0),
    operator: direct.get('operator') ?? 0n,
    builder: direct.get('builder') ?? 0n,
    base: direct.get('base') ?? 0n,
    accruing: await accruingFor(handles, partyId),
    fraction: BigInt(entitlement?.fraction ?? 0),
    ...(await standing(handles, partyId)),
    receivable: await handles.ledger.balance(`${partyId}:receivable`, RECEIVABLE),
  };
}

async function standing(
  { ledger }: FeesHandles,
  partyId: string,
): Promise<Pick<Earnings, 'pending' | 'payable' | 'escrow' | 'exported'>> {
  const sums = { pending: 0n, payable: 0n, escrow: 0n, exported: 0n };
  for (const { account, amount } of await ledger.balances({ prefix: `${partyId}:`, asset: OPEN })) {
    const [, purpose] = account.split(':');
    if (purpose in sums) sums[purpose as keyof typeof sums] += amount;
  }
  return sums;
}

async function directEarnings(on: Reader, partyId: string): Promise<Map<FeeRole, bigint>> {
  const rows = await on.query<{ role: FeeRole; units: string }>(sql`
    select leg ->> 'role' as role, sum((leg ->> 'amount')::numeric - refunded[at]) as units
    from fees.routings
    cross join jsonb_array_elements(legs) with ordinality as legs_of (leg, at)
    where earners @> array[${partyId}::text]
      and is_posted
      and leg ->> 'account' = ${partyId} || ':pending:' || epoch
    group by 1`);
  return new Map(rows.map(({ role, units }) => [role, BigInt(units)]));
}

/** Pools are few (one a snapshot and version), so each is asked for its members. */
async function accruingFor(handles: FeesHandles, partyId: string): Promise<bigint> {
  const pools = await handles.db.query<{ pool: string; sub_units: string }>(sql`
    select pool, sum(sub_units) as sub_units
    from fees.pool_epochs
    where not is_folded
    group by pool`);
  let subUnits = 0n;
  for (const { pool, sub_units } of pools) {
    const member = (await handles.poolMembers(pool)).find(({ party }) => party === partyId);
    subUnits += (BigInt(sub_units) * (member?.weight ?? 0n)) / WEIGHT_ONE;
  }
  return subUnits / WEIGHT_ONE;
}

/** Who was credited most for data, with what is accruing in pools left out. */
export async function topEarners(
  on: Reader,
  limit: number,
): Promise<readonly { readonly partyId: Id<'party'>; readonly units: bigint }[]> {
  const rows = await on.query<{ payee: Id<'party'>; credited: string }>(sql`
    select payee, credited
    from fees.entitlements
    where payee like 'pty\\_%' and credited > 0
    order by credited desc, payee
    limit ${limit}`);
  return rows.map(({ payee, credited }) => ({ partyId: payee, units: BigInt(credited) }));
}
