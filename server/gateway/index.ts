/**
 * The gateway: serves OpenAI-compatible calls through operators, metered and paid for.
 *
 * It promises that
 * - no operator is asked before the payer's money is held, and no call costs more than its hold;
 * - a client that leaves pays for what was delivered, a call that delivered nothing costs nothing;
 * - each call ends exactly once: served (and then captured by the flow) or void;
 * - the record of a served call and its announcement commit together.
 *
 * It does not decide who earns (attribution, fees) and knows no HTTP (http/). One operator a model for now;
 * routing over several, retries and budget leases come later and change nothing for callers.
 *
 * Tables: gateway.operators, gateway.inferences, gateway.key_spending.
 */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import { type Caller, isAdmin } from '../identity/index.ts';
import { findInference, type Inference, listInferences, voidAbandoned } from './inferences.ts';
import { findOperator, listOperators, type OperatorRow, registerOperator } from './operators.ts';
import type { GenerationRequest } from './request.ts';
import { type GatewayHandles, holdIdOf, type Serving, serve } from './serve.ts';
import { type GatewaySummary, summarizeInferences } from './summary.ts';

export type { Inference, InferenceRoute } from './inferences.ts';
export type { TokenLogprob } from './operators/operator.ts';
export type { OperatorRow } from './operators.ts';
export type { Usage } from './price.ts';
export {
  ChatBody,
  CompletionBody,
  fromChat,
  fromCompletion,
  type GenerationRequest,
} from './request.ts';
export { receiptIdOf, type ServedEvent, type Serving } from './serve.ts';

export type Gateway = {
  serve(call: {
    request: GenerationRequest;
    caller: Caller;
    signal: AbortSignal;
  }): Promise<Serving>;
  find(inferenceId: string): Promise<Inference>;
  list(query: { payerId: string; limit: number; after?: string }): Promise<readonly Inference[]>;
  registerOperator(operator: OperatorRow & { readonly apiKey?: string }): Promise<void>;
  operators(): Promise<readonly OperatorRow[]>;
  /** @throws not_found, or forbidden when the operator is not the caller's */
  assertOperator(name: string, caller: Caller): Promise<void>;
  /** Moves the actual price of a served call from its hold to `clearing:fees` and releases the rest. Repeatable. */
  capture(inferenceId: Id<'inference'>): Promise<void>;
  summary(): Promise<GatewaySummary>;
  /** Ends calls whose process died. */
  sweep(): Promise<void>;
};

/** After this a call that is still held has lost its process. */
const ABANDONED_AFTER_MS = 16 * 60_000;

export function createGateway(handles: GatewayHandles): Gateway {
  const { db, ledger, clock } = handles;
  return {
    serve: (call) => serve(handles, call),
    find: (inferenceId) => findInference(db, inferenceId),
    list: (query) => listInferences(db, query),
    registerOperator: (operator) =>
      db.transaction((tx) =>
        registerOperator(tx, operator, { allowPrivate: handles.allowPrivateOperators }),
      ),
    operators: () => listOperators(db),
    async assertOperator(name, caller) {
      const { partyId } = await findOperator(handles, name);
      if (partyId === caller.partyId || isAdmin(caller)) return;
      throw new OpenLedgerError('forbidden', `The operator ${name} is not yours.`);
    },
    async capture(inferenceId) {
      const inference = await findInference(db, inferenceId);
      if (inference.priceUnits === 0n) {
        await ledger.release({
          holdId: holdIdOf(inferenceId),
          reason: 'inference.served',
          reference: inferenceId,
        });
        return;
      }
      await ledger.capture({
        holdId: holdIdOf(inferenceId),
        reason: 'inference.served',
        reference: inferenceId,
        postings: [{ to: 'clearing:fees', amount: inference.priceUnits }],
      });
    },
    summary: () => summarizeInferences(db),
    async sweep() {
      const before = new Date(clock.now().getTime() - ABANDONED_AFTER_MS);
      await db.transaction((tx) => voidAbandoned(tx, before));
      await ledger.expireHolds(clock.now());
    },
  };
}
