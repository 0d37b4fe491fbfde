/**
 * The gateway: serves OpenAI-compatible calls through operators, metered and paid for.
 *
 * It promises that
 * - no operator is asked before the payer's money is set aside, and no call costs more than that: by a hold of its own, or
 *   in memory out of a budget that the ledger has lent for this payer (budget/), written down before the first byte leaves;
 * - a client that leaves stops the operator and pays for what was delivered: of a stream what he had read, of an answer
 *   asked for in one piece nothing before it is whole, so that contributors are paid only for text that somebody got;
 * - an answer without text or of white space alone, and an operator that fails before its first word, cost nothing;
 * - the price is always the recorded usage's price: the operator's count where he gives one (0 is a value), else our own,
 *   marked as estimated, and neither beyond what was held for or what the delivered text can be;
 * - a key's limits hold under any concurrency and over all gateways: what it may spend in all, a day and on a model, and its
 *   requests and tokens a minute; what a call was promised of them and did not use is free again when it ends, however it ends;
 * - each call ends exactly once: served (and then captured, by the flow or at last by the sweep) or void;
 * - an answer is given again only to who paid for it, for the same request without chance, at the cache's price, and only
 *   where that is switched on; such a call is a call like any other, whose record names the one that made the answer;
 * - the record of a served call, its announcement and its key's limits commit together.
 *
 * - a gateway that dies charges what it had forwarded, once, when it is back; with leases, also of calls under way.
 *
 * It does not decide who earns (attribution, fees) and knows no HTTP (http/). One operator a model for now;
 * routing over several and retries come later and change nothing for callers.
 *
 * Tables: gateway.operators, gateway.inferences, gateway.key_spending, gateway.key_budgets, gateway.cached_answers.
 */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import { type Caller, isAdmin } from '../identity/index.ts';
import type { Ledger } from '../ledger/index.ts';
import type { BudgetSettings } from './budget/budget.ts';
import { capture } from './capture.ts';
import { createHolds } from './hold.ts';
import { findInference, type Inference, listInferences } from './inferences.ts';
import { createLeasedMoney } from './leased-money.ts';
import { findOperator, listOperators, type OperatorRow, registerOperator } from './operators.ts';
import { type ServeCall, type ServeHandles, type Serving, serve } from './serve.ts';
import { type GatewaySummary, summarizeInferences } from './summary.ts';
import { recover, sweep, voidAbandoned } from './sweep.ts';

export { completeBy } from './complete.ts';
export type { ServedEvent } from './deliver.ts';
export type { Inference, InferenceRoute } from './inferences.ts';
export { plainPrompt } from './operators/local.ts';
export type { TokenLogprob } from './operators/operator.ts';
export type { OperatorRow } from './operators.ts';
export type { Usage } from './price.ts';
export type { Rate, Rates } from './refusal.ts';
export {
  ChatBody,
  CompletionBody,
  fromChat,
  fromCompletion,
  fromMessages,
  type GenerationRequest,
  MessagesBody,
  ModelName,
} from './request.ts';
export type { ServeCall, Serving } from './serve.ts';

export type GatewayHandles = Omit<ServeHandles, 'money'> & {
  readonly ledger: Ledger;
  /** Where this gateway keeps its intents; then calls are paid for out of leases, and one process has the folder. */
  readonly leases?: { readonly folder: string; readonly settings?: Partial<BudgetSettings> };
};

export { spend } from './limits.ts';

export type Gateway = {
  serve(call: ServeCall): Promise<Serving>;
  find(inferenceId: string): Promise<Inference>;
  list(query: { payerId: string; limit: number; after?: string }): Promise<readonly Inference[]>;
  registerOperator(operator: OperatorRow & { readonly apiKey?: string }): Promise<void>;
  operators(): Promise<readonly OperatorRow[]>;
  /** An operator's own names of its models. @throws not_found, operator_failed */
  modelsOffered(name: string): Promise<readonly string[]>;
  /** @throws not_found, or forbidden when the operator is not the caller's */
  assertOperator(name: string, caller: Caller): Promise<void>;
  /** Moves the actual price of a served call from its hold to `clearing:fees` and releases the rest. Repeatable. */
  capture(inferenceId: Id<'inference'>): Promise<void>;
  summary(): Promise<GatewaySummary>;
  /** Takes over from the process before this one, and ends what it left open; to be called once, before serving. */
  recover(): Promise<void>;
  /** Ends the calls that processes which are gone have left open. */
  voidAbandoned(): Promise<void>;
  /** Ends calls that nobody ended in time. */
  sweep(): Promise<void>;
  /** Draws and gives back what is leased. Call it when nothing is served any more, before the ledger stops. */
  stop(): Promise<void>;
};

export function createGateway({ leases, ...given }: GatewayHandles): Gateway {
  const { db, log: report } = given;
  const holds = createHolds(given);
  const money = leases ? createLeasedMoney({ ...given, ...leases, report, holds }) : holds;
  const handles = { ...given, money };
  return {
    serve: (call) => serve(handles, call),
    find: (inferenceId) => findInference(db, inferenceId),
    list: (query) => listInferences(db, query),
    registerOperator: (operator) =>
      db.transaction((tx) =>
        registerOperator(tx, operator, { allowPrivate: handles.allowPrivateOperators }),
      ),
    operators: () => listOperators(db),
    modelsOffered: async (name) => (await findOperator(handles, name)).operator.listModels(),
    async assertOperator(name, caller) {
      const { partyId } = await findOperator(handles, name);
      if (partyId === caller.partyId || isAdmin(caller)) return;
      throw new OpenLedgerError('forbidden', `The operator ${name} is not yours.`);
    },
    capture: (inferenceId) => capture(handles, inferenceId),
    summary: () => summarizeInferences(db),
    recover: () => recover(handles),
    voidAbandoned: () => voidAbandoned(handles),
    sweep: () => sweep(handles),
    stop: () => money.stop(),
  };
}
