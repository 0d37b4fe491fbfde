/** Insights over HTTP. */
import { api } from '@openledger/protocol';
import type { Insights } from '../insights/index.ts';
import { implement, type Route } from './implement.ts';

export const insightsRoutes = ({ insights }: { readonly insights: Insights }): readonly Route[] =>
  implement(api.insights, {
    summary: async () => {
      const { feesUnits, creditedUnits, paidUnits, ...counts } = await insights.counts();
      return {
        ...counts,
        feesUnits: feesUnits.toString(),
        creditedUnits: creditedUnits.toString(),
        paidUnits: paidUnits.toString(),
      };
    },
  });
