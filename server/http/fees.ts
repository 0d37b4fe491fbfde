/** Fees over HTTP. Who earned is no secret: receipts say it too. */
import { api, type OutputOf } from '@openledger/protocol';
import type { Fees, Payout } from '../fees/index.ts';
import { implement, type Route } from './implement.ts';

export const feesRoutes = ({ fees }: { readonly fees: Fees }): readonly Route[] =>
  implement(api.fees, {
    earnings: async ({ partyId }) => ({
      partyId,
      ...asText(await fees.earnings(partyId)),
    }),
    payouts: async (query) => {
      const { payouts, next } = await fees.payouts(query);
      return { items: payouts.map(wirePayout), next };
    },
    top: async ({ limit }) => ({
      items: (await fees.top(limit)).map(({ partyId, units }) => ({
        partyId,
        units: units.toString(),
      })),
    }),
    summary: async () => {
      const { units, dataUnits, creditedUnits, ...counts } = await fees.summary();
      return { ...counts, ...asText({ units, dataUnits, creditedUnits }) };
    },
    refund: async ({ units, ...wish }) => {
      const refund = await fees.refund({
        ...wish,
        units: units === undefined ? undefined : BigInt(units),
      });
      return {
        ...refund,
        ...asText({ units: refund.units, advancedUnits: refund.advancedUnits }),
        refundedAt: refund.refundedAt.toISOString(),
      };
    },
    check: async () => {
      const { holds, ...sums } = await fees.checkControl();
      return { holds, ...asText(sums) };
    },
  });

const wirePayout = (payout: Payout): OutputOf<typeof api.fees.payouts>['items'][number] => ({
  saleId: payout.saleId,
  role: payout.role,
  units: payout.units.toString(),
  weight: payout.weight?.toString(),
  dataUnits: payout.dataUnits?.toString(),
  pool: payout.pool,
  servedAt: payout.servedAt.toISOString(),
  creditedAt: payout.creditedAt?.toISOString(),
  reversed: payout.isReversed,
});

const asText = <Name extends string>(
  amounts: Readonly<Record<Name, bigint>>,
): Record<Name, string> =>
  Object.fromEntries(
    Object.entries<bigint>(amounts).map(([name, amount]) => [name, amount.toString()]),
  ) as Record<Name, string>;
