/**
 * The gateway: serves calls in OpenAI's and Anthropic's words through operators, metered and paid for.
 *
 * It promises that
 * - no operator is asked before the payer's money is set aside, and no call costs more than that: by a hold of its own, or
 *   in memory out of a budget that the ledger has lent for this payer (budget/), written down before the first byte leaves;
 * - a client that leaves stops the operator and pays for what was delivered: of a stream what he had read, of an answer
 *   asked for in one piece nothing before it is whole, so that contributors are paid only for text that somebody got;
 * - an answer without text or of white space alone, and an operator that fails before its first word, cost nothing;
 * - vectors are delivered whole, one an input, or cost nothing;
 * - the price is always the recorded usage's price: the operator's count where he gives one (0 is a value), else our own,
 *   marked as estimated where it is a guess, and neither beyond what was held for or what the delivered text can be;
 * - where a model elsewhere names its tokenizer, no operator is paid for more tokens than that counts, but for a tolerance;
 * - a key's limits hold under any concurrency and over all gateways: what it may spend in all, a day and on a model, and its
 *   requests and tokens a minute; what a call was promised of them and did not use is free again when it ends, however it ends;
 * - each call ends exactly once: served (and then captured, by the flow or at last by the sweep) or void;
 * - an answer is given again only to who paid for it, for the same request without chance, at the cache's price, and only
 *   where that is switched on; such a call is a call like any other, whose record names the one that made the answer;
 * - only those retrieved records are paid for reading and recorded that were put into the prompt, whole, within the request's
 *   budget of tokens; and which of their passages an answer repeats is told by the rules of its receipt;
 * - the record of a served call, its announcement and its key's limits commit together; with leases and without limits it is written
 *   down on this process's disk before, and whoever has that disk next commits it;
 * - a request that is sent again under its idempotency key is made once and paid once, here and at all gateways;
 * - whoever observes calls (observer.ts) hears of each exactly one end, and no text.
 *
 * - a gateway that dies charges what it had forwarded, once, when it is back; with leases, also of calls under way, and as
 *   soon as any gateway sees its folder.
 *
 * - what an operator asks for a model is on a list whose versions stay (terms.ts); a call keeps the version that it began with, its
 *   record names it, and a client that insists on a version is refused before money moves where it is not in force.
 *
 * - several operators may serve a model: they are asked in the order of a plan until one speaks, and after its first word
 *   nobody else is; the payer pays the one who answered, once, and what is held covers the dearest of them.
 *
 * It does not decide who earns (attribution, fees) and knows no HTTP (http/).
 *
 * Tables: gateway.operators, gateway.offers, gateway.prices, gateway.inferences, gateway.key_spending, gateway.key_budgets,
 * gateway.cached_answers, gateway.idempotency_keys.
 */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Governance } from '../governance/index.ts';
import { type Caller, isAdmin } from '../identity/index.ts';
import type { Ledger } from '../ledger/index.ts';
import type { Models } from '../models/index.ts';
import type { Presence } from '../platform/presence.ts';
import type { BudgetSettings } from './budget/budget.ts';
import { createCallJournal } from './call-journal.ts';
import { createCallRecords } from './call-records.ts';
import { capture } from './capture.ts';
import { countPrompt, type PromptCount } from './count-prompt.ts';
import { createDirectory } from './directory.ts';
import { type EmbedCall, type Embedded, embed } from './embed.ts';
import { type Grounding, ground } from './ground.ts';
import { createHolds } from './hold.ts';
import { findInference, type Inference, listInferences } from './inferences.ts';
import { createLeasedMoney, settledOutOfLeases } from './leased-money.ts';
import type { Money } from './money.ts';
import { type CallObserver, openWatched, silentObserver } from './observer.ts';
import { type ListedOffer, listOffers, type Offer, registerOffer, removeOffer } from './offers.ts';
import { listOperators, type OperatorRow, registerOperator } from './operators.ts';
import { createPrices, type Prices } from './prices.ts';
import { probeOperators } from './probe-operators.ts';
import { serveOnce } from './replay.ts';
import type { Patience } from './routing/attempt-in-turn.ts';
import { createStandings, type Standings } from './routing/standings.ts';
import { readScorecard, type Scorecard } from './scorecard.ts';
import type { ServeCall, ServeHandles, Serving } from './serve.ts';
import { type GatewaySummary, summarizeInferences } from './summary.ts';
import { recover, sweep, voidAbandoned } from './sweep.ts';

export { ChatBody, CompletionBody, fromChat, fromCompletion, ModelName } from './chat-bodies.ts';
export { completeBy } from './complete.ts';
export type { ServedEvent } from './deliver.ts';
export { EmbeddingsBody, fromEmbeddings } from './embedding-request.ts';
export { type Grounding, ungrounded } from './ground.ts';
export type { Idempotency } from './idempotency.ts';
export type { Inference, InferenceRoute } from './inferences.ts';
export { CountBody, fromMessages, MessagesBody } from './messages-body.ts';
export {
  type AskedOperator,
  type AttemptEnding,
  type AttemptWatch,
  type CallEnding,
  type CallObserver,
  type CallOrigin,
  type CallWatch,
  codeOf,
  type OpenedCall,
  type RoutedCall,
} from './observer.ts';
export type { ListedOffer, Offer } from './offers.ts';
export { plainPrompt } from './operators/local.ts';
export { type ContentEvent, type TokenLogprob, toolCallsOf } from './operators/operator.ts';
export type { OperatorRow } from './operators.ts';
export type { Usage } from './price.ts';
export type { Quote } from './quote.ts';
export type { Rate, Rates } from './refusal.ts';
export { textOf } from './replay.ts';
export type { GenerationRequest } from './request.ts';
export { fromResponses, ResponsesBody } from './responses-body.ts';
export type { Score } from './scorecard.ts';
export type { ServeCall, Serving } from './serve.ts';
export { toolInputOf } from './tool-input.ts';

export type GatewayHandles = Omit<
  ServeHandles,
  'money' | 'records' | 'journal' | 'directory' | 'standings' | 'patience'
> & {
  readonly ledger: Ledger;
  readonly governance: Pick<Governance, 'policyInForce'>;
  readonly models: Models;
  readonly allowPrivateOperators: boolean;
  readonly patience?: Partial<Patience>;
  /** Who is told what becomes of calls; nobody, where none is given. */
  readonly observer?: CallObserver;
  /** By which it takes the name of a process that is gone, while it ends what that has left. */
  readonly presence: Pick<Presence, 'standInFor'>;
  /** Then calls are paid for out of leases. */
  readonly leases?: Leases;
};

type Leases = {
  /** Where gateways keep their intents, each in a folder of its own; undefined where this process serves nobody. */
  readonly folder: string | undefined;
  readonly settings?: Partial<BudgetSettings>;
};

export { spend } from './limits.ts';

export type Gateway = Prices & {
  serve(call: ServeCall): Promise<Serving>;
  /** Vectors of texts, whole or not at all; a call like any other. */
  embed(call: EmbedCall): Promise<Embedded>;
  /** What reading a request would be charged for; what is retrieved for it comes on top. @throws as `serve` does before any money moves */
  countPrompt(call: Pick<ServeCall, 'request' | 'caller'>): Promise<PromptCount>;
  find(inferenceId: string): Promise<Inference>;
  list(query: { payerId: string; limit: number; after?: string }): Promise<readonly Inference[]>;
  /**
   * Which passages of a served call's answer stand in the records that were put before its model.
   *
   * @returns undefined where that cannot be told now: an answer that is paid for is not lost over it
   */
  ground(inferenceId: Id<'inference'>): Promise<Grounding | undefined>;
  registerOperator(operator: OperatorRow & { readonly apiKey?: string }): Promise<void>;
  operators(): Promise<readonly OperatorRow[]>;
  /** Lets another operator serve a model, or changes its terms. @throws not_found, model_not_found, conflict */
  offer(offer: Offer): Promise<void>;
  /** @throws model_not_found, not_found */
  removeOffer(which: Pick<Offer, 'model' | 'operator'>): Promise<void>;
  /** Who serves a model, the operator it was registered with first. @throws model_not_found */
  offers(model: string): Promise<readonly ListedOffer[]>;
  /** How each operator's models that were asked here have answered. */
  standings(): ReturnType<Standings['list']>;
  /** Asks operators which models they have: those that failed come back sooner, those that have one loaded are preferred. */
  probe(): Promise<void>;
  /** How an operator did within the last hour and day. @throws not_found */
  scorecard(name: string): Promise<Scorecard>;
  /** An operator's own names of its models. @throws not_found, operator_failed */
  modelsOffered(name: string): Promise<readonly string[]>;
  /** @throws not_found, or forbidden when the operator is not the caller's */
  assertOperator(name: string, caller: Caller): Promise<void>;
  /** Moves the actual price of a served call from its hold to `clearing:fees` and releases the rest. Repeatable. */
  capture(inferenceId: Id<'inference'>): Promise<void>;
  summary(): Promise<GatewaySummary>;
  /** Takes over from processes that are gone, and ends what they left open; to be called once, before serving. */
  recover(): Promise<void>;
  /** Ends the calls that processes which are gone have left open. */
  voidAbandoned(): Promise<void>;
  /** Ends calls that nobody ended in time. */
  sweep(): Promise<void>;
  /** Draws and gives back what is leased. Call it when nothing is served any more, before the ledger stops. */
  stop(): Promise<void>;
};

/** How long operators may be silent. */
const PATIENCE: Patience = { firstMs: 60_000, idleMs: 30_000 };

export function createGateway({
  leases,
  observer = silentObserver,
  ...given
}: GatewayHandles): Gateway {
  const { db, log: report } = given;
  const holds = createHolds(given);
  const money = moneyOf(leases, { ...given, report, holds });
  const directory = createDirectory(given);
  const standings = createStandings(given.clock);
  const patience = { ...PATIENCE, ...given.patience };
  const records = createCallRecords(db);
  const journal = money.journal && createCallJournal({ db, journal: money.journal, log: report });
  const handles = { ...given, money, records, journal, directory, standings, patience };
  const find = async (inferenceId: string): Promise<Inference> => {
    await journal?.stored(inferenceId);
    return findInference(db, inferenceId);
  };
  return {
    serve: (call) => openWatched(observer, call, (watched) => serveOnce(handles, watched)),
    embed: (call) => embed({ ...handles, observer }, call),
    countPrompt: (call) => countPrompt(handles, call),
    ...createPrices(handles),
    find,
    async list(query) {
      await journal?.stored();
      return listInferences(db, query);
    },
    async ground(inferenceId) {
      try {
        return await ground(given, await find(inferenceId));
      } catch (error) {
        report.error('gateway.ground_failed', { inferenceId, error });
        return undefined;
      }
    },
    async registerOperator(operator) {
      const allowPrivate = handles.allowPrivateOperators;
      await db.transaction((tx) => registerOperator(tx, operator, { allowPrivate }));
      directory.forget();
    },
    async offer(offer) {
      const model = await directory.model(offer.model);
      await directory.operator(offer.operator);
      const createdAt = handles.clock.now();
      await db.transaction((tx) =>
        registerOffer(tx, { ...offer, model: model.name, createdAt }, model),
      );
      directory.forget();
    },
    async removeOffer(which) {
      const { name: model } = await directory.model(which.model);
      const isRemoved = await db.transaction((tx) => removeOffer(tx, { ...which, model }));
      directory.forget();
      if (isRemoved) return;
      throw new OpenLedgerError('not_found', `${which.operator} does not offer ${which.model}.`);
    },
    offers: async (model) => listOffers(given, await directory.model(model)),
    standings: () => standings.list(),
    probe: () => probeOperators({ db, directory, standings }),
    operators: () => listOperators(db),
    scorecard: (name) => readScorecard(given, name),
    modelsOffered: async (name) => (await directory.operator(name)).operator.listModels(),
    async assertOperator(name, caller) {
      const { partyId } = await directory.operator(name);
      if (partyId === caller.partyId || isAdmin(caller)) return;
      throw new OpenLedgerError('forbidden', `The operator ${name} is not yours.`);
    },
    async capture(inferenceId) {
      await journal?.stored(inferenceId);
      await capture(handles, inferenceId);
    },
    summary: () => summarizeInferences(db),
    recover: () => recover(handles),
    voidAbandoned: () => voidAbandoned(handles),
    sweep: () => sweep(handles),
    async stop() {
      await journal?.stop();
      await money.stop();
    },
  };
}

function moneyOf(
  leases: Leases | undefined,
  handles: Omit<Parameters<typeof createLeasedMoney>[0], 'folder' | 'settings'>,
): Money {
  if (!leases) return handles.holds;
  const { folder, settings } = leases;
  if (folder === undefined) return settledOutOfLeases(handles);
  return createLeasedMoney({ ...handles, folder, settings });
}
