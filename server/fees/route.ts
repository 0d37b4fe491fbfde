/** Routes one price: direct legs at once, the data leg whole into the control account. */
import {
  assertShares,
  type FeeRole,
  feeLegs,
  type Id,
  REMAINDER_ROLE,
  readLegs,
  type Shares,
  splitLegs,
} from '@openledger/protocol';
import { transactionIdFor } from '../ledger/index.ts';
import { announce } from '../platform/jobs.ts';
import { prepared, sql } from '../platform/sql.ts';
import { stampEpoch } from './epochs.ts';
import { lookUpRouting, type RoutedLeg, type Routing, type SaleId } from './routings.ts';
import { CLEARING, CONTROL, creditAccount, type FeesHandles } from './stage.ts';

/**
 * Routes the captured price of an attributed inference, once however often it is asked to.
 *
 * The split is recorded first, posted after, and announced as `fees.routed` when it stands in the ledger.
 */
export async function routeFees(handles: FeesHandles, inferenceId: string): Promise<void> {
  const recorded = await lookUpRouting(handles.db, inferenceId);
  const routing = recorded ?? (await recordRouting(handles, await soldCall(handles, inferenceId)));
  await postRouting(handles, routing);
}

/** Routes the price of a paid read, once however often it is asked to. */
export async function routeRead(handles: FeesHandles, readId: string): Promise<void> {
  const recorded = await lookUpRouting(handles.db, readId);
  const routing = recorded ?? (await recordRouting(handles, await soldRead(handles, readId)));
  await postRouting(handles, routing);
}

/** Puts recorded legs into the ledger and says so. */
export async function postRouting(
  { db, ledger }: FeesHandles,
  { saleId, legs, isPosted }: Pick<Routing, 'saleId' | 'legs' | 'isPosted'>,
): Promise<void> {
  if (isPosted) return;
  const postings = legs.map(({ account, amount }) => ({ from: CLEARING, to: account, amount }));
  const posted =
    postings.length > 0
      ? await ledger.post({
          transactionId: transactionIdFor(saleId, 'fees.routed'),
          reason: 'fees.routed',
          reference: saleId,
          postings,
        })
      : undefined;
  await db.transaction(async (tx) => {
    const marked = await tx.query(
      prepared(
        'fees.mark-posted',
        sql`
      update fees.routings
      set is_posted = true, transaction_id = ${posted?.transactionId ?? null}
      where sale_id = ${saleId} and not is_posted
      returning sale_id`,
      ),
    );
    if (marked.length > 0) await announce(tx, 'fees.routed', { saleId });
  });
}

/** Something sold: who paid what, by which split, and whose the data leg is. */
export type Sale = {
  readonly saleId: SaleId;
  readonly payerId: Id<'party'>;
  readonly units: bigint;
  readonly policyHash: string;
  readonly legs: ReturnType<typeof feeLegs>;
  /** Who has the direct legs. A read's operator is its datanet's owner. */
  readonly operatorId: Id<'party'>;
  readonly builderId: Id<'party'> | undefined;
  readonly baseId: Id<'party'> | undefined;
  readonly shares: Shares;
  readonly soldAt: Date;
};

async function soldCall(
  { gateway, attributions, governance }: FeesHandles,
  inferenceId: string,
): Promise<Sale> {
  const inference = await gateway.find(inferenceId);
  const { shares, policyHash } = await attributions.find(inferenceId);
  const { policy } = await governance.findPolicy(policyHash);
  const { operatorPartyId, builderPartyId, basePartyId } = inference.route;
  return {
    saleId: inference.inferenceId,
    payerId: inference.payerId,
    units: inference.priceUnits,
    legs: feeLegs(policy, {
      hasData: shares.length > 0,
      hasAdapter: basePartyId !== undefined,
    }),
    ...{ operatorId: operatorPartyId, builderId: builderPartyId, baseId: basePartyId },
    ...{ policyHash, shares, soldAt: inference.servedAt ?? inference.createdAt },
  };
}

async function soldRead({ reads, governance }: FeesHandles, readId: string): Promise<Sale> {
  const { id: saleId, ownerId, readerId, readAt, ...read } = await reads.find(readId);
  const { policy } = await governance.findPolicy(read.policyHash);
  return {
    ...{ saleId, payerId: readerId, operatorId: ownerId, soldAt: readAt },
    ...{ builderId: undefined, baseId: undefined, legs: readLegs(policy) },
    ...{ units: read.units, policyHash: read.policyHash, shares: read.shares },
  };
}

async function recordRouting(
  { db, clock }: FeesHandles,
  sale: Sale,
): Promise<Pick<Routing, 'saleId' | 'legs' | 'isPosted'>> {
  const { saleId, shares } = sale;
  if (shares.length > 0) assertShares(shares); // once: it is taken on trust from here
  return db.transaction(async (tx) => {
    const epoch = await stampEpoch(tx);
    const legs = planLegs(sale, epoch);
    const inserted = await tx.query(
      prepared(
        'fees.keep-vector',
        sql`
      with vector as (
        insert into fees.vectors (sale_id, share_to, share_weights)
        values (${saleId}, ${shares.map(({ to }) => to)}, ${shares.map(({ weight }) => weight)})
        on conflict (sale_id, coalesce(reallocation_id, '')) do nothing
        returning id
      )
      insert into fees.routings
        (sale_id, epoch, policy_hash, payer_id, operator_id, units, data_units, legs, refunded, earners, vector_id,
         served_at, routed_at)
      select
        ${saleId}, ${epoch}, ${sale.policyHash}, ${sale.payerId}, ${sale.operatorId}, ${sale.units},
        ${dataUnitsOf(legs)}, ${formatLegs(legs)}, ${legs.map(() => 0n)}, ${earnersOf(sale)}, id, ${sale.soldAt},
        ${clock.now()}
      from vector
      returning sale_id`,
      ),
    );
    if (inserted.length > 0) return { saleId, legs, isPosted: false };
    const other = await lookUpRouting(tx, saleId);
    if (!other) throw new Error('A routing that stood in the way has vanished.');
    return other;
  });
}

/** Pure: who has what of the price. Legs of zero units are left out. */
export function planLegs(
  sale: Pick<Sale, 'units' | 'legs' | 'operatorId' | 'builderId' | 'baseId'>,
  epoch: number,
): readonly RoutedLeg[] {
  const { operatorId, builderId, baseId } = sale;
  const treasury = 'treasury:protocol';
  const builder = builderId === undefined ? treasury : creditAccount(builderId, epoch);
  const accounts: Record<FeeRole, string> = {
    data: CONTROL,
    builder,
    base: baseId === undefined ? builder : creditAccount(baseId, epoch),
    operator: creditAccount(operatorId, epoch),
    stakers: 'stakers:protocol',
    treasury,
    insurance: 'insurance:protocol',
  };
  const roles = new Map<string, FeeRole>(sale.legs.map(({ to }) => [to, to]));
  return splitLegs(sale.units, sale.legs, REMAINDER_ROLE)
    .filter(({ amount }) => amount > 0n)
    .map(({ to, amount }) => {
      const role = roles.get(to) ?? REMAINDER_ROLE;
      return { role, account: accounts[role], amount };
    });
}

const dataUnitsOf = (legs: readonly RoutedLeg[]): bigint =>
  legs.find(({ role }) => role === 'data')?.amount ?? 0n;

const formatLegs = (legs: readonly RoutedLeg[]): string =>
  JSON.stringify(legs.map((leg) => ({ ...leg, amount: leg.amount.toString() })));

const earnersOf = ({ operatorId, builderId, baseId }: Sale): readonly string[] => [
  ...new Set([operatorId, builderId, baseId].filter((party) => party !== undefined)),
];
