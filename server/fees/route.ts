/** Routes one price: direct legs at once, the data leg whole into the control account. */
import {
  assertShares,
  type FeePolicy,
  type FeeRole,
  feeLegs,
  REMAINDER_ROLE,
  splitLegs,
} from '@openledger/protocol';
import type { Attribution } from '../attribution/index.ts';
import type { Inference } from '../gateway/index.ts';
import { transactionIdFor } from '../ledger/index.ts';
import { announce } from '../platform/jobs.ts';
import { sql } from '../platform/sql.ts';
import { stampEpoch } from './epochs.ts';
import { lookUpRouting, type RoutedLeg, type Routing } from './routings.ts';
import { CLEARING, CONTROL, creditAccount, type FeesHandles } from './stage.ts';

/**
 * Routes the captured price of an attributed inference, once however often it is asked to.
 *
 * The split is recorded first, posted after, and announced as `fees.routed` when it stands in the ledger.
 */
export async function routeFees(handles: FeesHandles, inferenceId: string): Promise<void> {
  const recorded = await lookUpRouting(handles.db, inferenceId);
  await postRouting(handles, recorded ?? (await recordRouting(handles, inferenceId)));
}

/** Puts recorded legs into the ledger and says so. */
export async function postRouting(
  { db, ledger }: FeesHandles,
  { inferenceId, legs, isPosted }: Pick<Routing, 'inferenceId' | 'legs' | 'isPosted'>,
): Promise<void> {
  if (isPosted) return;
  const postings = legs.map(({ account, amount }) => ({ from: CLEARING, to: account, amount }));
  const posted =
    postings.length > 0
      ? await ledger.post({
          transactionId: transactionIdFor(inferenceId, 'fees.routed'),
          reason: 'fees.routed',
          reference: inferenceId,
          postings,
        })
      : undefined;
  await db.transaction(async (tx) => {
    const marked = await tx.query(sql`
      update fees.routings
      set is_posted = true, transaction_id = ${posted?.transactionId ?? null}
      where inference_id = ${inferenceId} and not is_posted
      returning inference_id`);
    if (marked.length > 0) await announce(tx, 'fees.routed', { inferenceId });
  });
}

async function recordRouting(
  { db, clock, gateway, attributions, governance }: FeesHandles,
  inferenceId: string,
): Promise<Pick<Routing, 'inferenceId' | 'legs' | 'isPosted'>> {
  const inference = await gateway.find(inferenceId);
  const attribution = await attributions.find(inferenceId);
  const { policy } = await governance.findPolicy(attribution.policyHash);
  if (attribution.shares.length > 0) assertShares(attribution.shares); // once: it is taken on trust from here
  return db.transaction(async (tx) => {
    const epoch = await stampEpoch(tx);
    const legs = planLegs({ inference, attribution, policy, epoch });
    const inserted = await tx.query(sql`
      with vector as (
        insert into fees.vectors (inference_id, share_to, share_weights)
        values (
          ${inference.inferenceId}, ${attribution.shares.map(({ to }) => to)},
          ${attribution.shares.map(({ weight }) => weight)}
        )
        on conflict (inference_id, coalesce(reallocation_id, '')) do nothing
        returning id
      )
      insert into fees.routings
        (inference_id, epoch, policy_hash, payer_id, operator_id, units, data_units, legs, refunded, earners, vector_id,
         served_at, routed_at)
      select
        ${inference.inferenceId}, ${epoch}, ${attribution.policyHash}, ${inference.payerId},
        ${inference.route.operatorPartyId}, ${inference.priceUnits}, ${dataUnitsOf(legs)}, ${formatLegs(legs)},
        ${legs.map(() => 0n)}, ${earnersOf(inference)}, id, ${inference.servedAt}, ${clock.now()}
      from vector
      returning inference_id`);
    if (inserted.length > 0) {
      return { inferenceId: inference.inferenceId, legs, isPosted: false };
    }
    const other = await lookUpRouting(tx, inferenceId);
    if (!other) throw new Error('A routing that stood in the way has vanished.');
    return other;
  });
}

/** Pure: who has what of the price. Legs of zero units are left out. */
export function planLegs({
  inference,
  attribution,
  policy,
  epoch,
}: {
  readonly inference: Pick<Inference, 'priceUnits' | 'route'>;
  readonly attribution: Pick<Attribution, 'shares'>;
  readonly policy: FeePolicy;
  readonly epoch: number;
}): readonly RoutedLeg[] {
  const { operatorPartyId, builderPartyId, basePartyId } = inference.route;
  const accounts: Record<FeeRole, string> = {
    data: CONTROL,
    builder: creditAccount(builderPartyId, epoch),
    base: creditAccount(basePartyId ?? builderPartyId, epoch),
    operator: creditAccount(operatorPartyId, epoch),
    stakers: 'stakers:protocol',
    treasury: 'treasury:protocol',
    insurance: 'insurance:protocol',
  };
  const legs = feeLegs(policy, {
    hasData: attribution.shares.length > 0,
    hasAdapter: basePartyId !== undefined,
  });
  const roles = new Map<string, FeeRole>(legs.map(({ to }) => [to, to]));
  return splitLegs(inference.priceUnits, legs, REMAINDER_ROLE)
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

const earnersOf = ({ route }: Pick<Inference, 'route'>): readonly string[] => [
  ...new Set(
    [route.operatorPartyId, route.builderPartyId, route.basePartyId].filter(
      (party) => party !== undefined,
    ),
  ),
];
