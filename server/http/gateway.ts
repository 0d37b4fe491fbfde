/** Operators, and the record of one's own calls, over HTTP. The calls themselves come by /v1. */
import { api, type Id, OpenLedgerError, type OutputOf, receiptIdOf } from '@openledger/protocol';
import type { Gateway, Inference, Score } from '../gateway/index.ts';
import { type Caller, isAdmin } from '../identity/index.ts';
import { implement, type Route } from './implement.ts';
import { pageFrom } from './page.ts';

export const gatewayRoutes = ({ gateway }: { readonly gateway: Gateway }): readonly Route[] =>
  implement(api.gateway, {
    registerOperator: async (operator, { caller }) => {
      const registered = { ...operator, kind: 'openai' as const, partyId: caller.partyId };
      await gateway.registerOperator(registered);
      const { apiKey: _, ...shown } = registered;
      return shown;
    },
    listOperators: async () => ({ items: [...(await gateway.operators())] }),
    getScorecard: async ({ operator }) => {
      const { hour, day } = await gateway.scorecard(operator);
      return { operator, hour: wireScore(hour), day: wireScore(day) };
    },
    getInference: async ({ inferenceId }, { caller }) => {
      const inference = await gateway.find(inferenceId);
      assertOwn(inference, caller);
      return wireInference(inference);
    },
    listInferences: async (page, { caller }) =>
      pageFrom(
        (await gateway.list({ ...page, payerId: caller.partyId })).map((one) => ({
          ...one,
          id: one.inferenceId,
        })),
        page,
        wireInference,
      ),
  });

/** Somebody else's call is answered as one that is not there. */
function assertOwn(inference: Inference, caller: Caller): void {
  if (inference.payerId === caller.partyId || isAdmin(caller)) return;
  throw new OpenLedgerError('not_found', `No inference ${inference.inferenceId}.`);
}

const wireScore = (score: Score) => ({ ...score, chargedUnits: score.chargedUnits.toString() });

const wireInference = (inference: Inference): OutputOf<typeof api.gateway.getInference> => ({
  id: inference.inferenceId,
  status: inference.status,
  model: inference.route.model,
  operator: inference.route.operator,
  retrieved: [...inference.retrieved] as { recordHash: string; snapshotId: Id<'snapshot'> }[],
  output: inference.output,
  finishReason: inference.finishReason,
  promptTokens: inference.usage.promptTokens,
  completionTokens: inference.usage.completionTokens,
  priceUnits: inference.priceUnits.toString(),
  receiptId: receiptIdOf(inference.inferenceId),
  cachedFrom: inference.cachedFrom,
  createdAt: inference.createdAt.toISOString(),
  servedAt: inference.servedAt?.toISOString(),
});
