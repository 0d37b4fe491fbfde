/** Operators, and the record of one's own calls, over HTTP. The calls themselves come by /v1. */
import {
  api,
  type Id,
  OpenLedgerError,
  type OutputOf,
  receiptIdOf,
  termsInForce,
} from '@openledger/protocol';
import {
  ChatBody,
  EmbeddingsBody,
  fromChat,
  fromEmbeddings,
  type Gateway,
  type Inference,
  type ListedOffer,
  type Quote,
  type Score,
} from '../gateway/index.ts';
import { type Caller, isAdmin } from '../identity/index.ts';
import type { Models } from '../models/index.ts';
import { parseBody } from './body.ts';
import { implement, type Route } from './implement.ts';
import { pageFrom } from './page.ts';

export const gatewayRoutes = ({
  gateway,
  models,
}: {
  readonly gateway: Gateway;
  readonly models: Models;
}): readonly Route[] =>
  implement(api.gateway, {
    registerOperator: async (operator, { caller }) => {
      const registered = { ...operator, partyId: caller.partyId };
      await gateway.registerOperator(registered);
      const { apiKey: _, ...shown } = registered;
      return shown;
    },
    listOperators: async () => ({ items: [...(await gateway.operators())] }),
    async offer(offer, { caller }) {
      await gateway.assertOperator(offer.operator, caller);
      await assertOwnModel(models, offer.model, caller);
      const { promptUnits, completionUnits, ...terms } = offer;
      const pricing = {
        promptUnits: BigInt(promptUnits),
        completionUnits: BigInt(completionUnits),
      };
      await gateway.offer({ ...terms, pricing });
      return offer;
    },
    listOffers: async ({ model }) => ({ items: (await gateway.offers(model)).map(wireOffer) }),
    async removeOffer(which, { caller }) {
      await gateway.assertOperator(which.operator, caller).catch(async (error: unknown) => {
        if (!(await isOwnModel(models, which.model, caller))) throw error;
      });
      await gateway.removeOffer(which);
      return which;
    },
    async listTerms({ model, at }) {
      const list = await gateway.priceList(model);
      return { items: [...(at ? termsInForce(list, new Date(at)) : list)] };
    },
    getTerms: ({ terms }) => gateway.terms(terms),
    async quote({ kind, body }, { caller }) {
      const quotes =
        kind === 'chat'
          ? await gateway.quote({ request: fromChat(parseBody(ChatBody, body)), caller })
          : await gateway.quoteEmbedding({
              request: fromEmbeddings(parseBody(EmbeddingsBody, body)),
              caller,
            });
      return { items: quotes.map(wireQuote) };
    },
    listStandings: async () => ({
      items: gateway.standings().map(({ health: { failures, firstWordMs }, ...standing }) => ({
        ...{ ...standing, failures, firstWordMs },
      })),
    }),
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

const isOwnModel = async (models: Models, name: string, caller: Caller): Promise<boolean> =>
  (await models.find(name)).builderId === caller.partyId || isAdmin(caller);

/** Whoever adds an operator to a model decides who earns the operator's part of its price. */
async function assertOwnModel(models: Models, name: string, caller: Caller): Promise<void> {
  if (await isOwnModel(models, name, caller)) return;
  throw new OpenLedgerError('forbidden', `The model ${name} is not yours.`);
}

const wireQuote = ({ terms, atMost, about }: Quote) => ({
  ...{ model: terms.model, operator: terms.operator.name, terms: terms.hash },
  ...{ promptUnits: terms.promptUnits, completionUnits: terms.completionUnits },
  ...{ aboutUnits: about.units.toString(), atMostUnits: atMost.units.toString(), about, atMost },
});

const wireOffer = ({ pricing, terms, ...offer }: ListedOffer) => ({
  ...{ ...offer, terms: terms.hash, since: terms.since },
  promptUnits: pricing.promptUnits.toString(),
  completionUnits: pricing.completionUnits.toString(),
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
