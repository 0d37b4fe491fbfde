/**
 * Serves one call: hold, execute, record what was delivered.
 *
 * The hold is taken before the operator is asked; the record of what was delivered and its announcement commit together.
 * From there the flow captures exactly the recorded price, however often it is delivered.
 */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Datanets, RetrievedRecord } from '../datanets/index.ts';
import type { Caller } from '../identity/index.ts';
import type { Ledger } from '../ledger/index.ts';
import type { Model, Models } from '../models/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { newId } from '../platform/new-id.ts';
import { type InferenceRoute, openInference, recordServed, recordVoid } from './inferences.ts';
import { reserveSpending, settleSpending } from './limits.ts';
import type { Operator, OperatorEvent } from './operators/operator.ts';
import { findOperator } from './operators.ts';
import { priceOf, tokensAtMost, type Usage } from './price.ts';
import type { GenerationRequest } from './request.ts';

const HOLD_TTL_MS = 15 * 60_000;

export type GatewayHandles = {
  readonly db: Db;
  readonly ledger: Ledger;
  readonly datanets: Datanets;
  readonly models: Models;
  readonly clock: Clock;
  readonly log: Log;
  readonly allowPrivateOperators: boolean;
};

export type ServedEvent =
  | Extract<OperatorEvent, { kind: 'text' }>
  | {
      readonly kind: 'end';
      readonly finishReason: 'stop' | 'length' | 'content_filter';
      readonly usage: Usage;
      readonly priceUnits: bigint;
    };

export type Serving = {
  readonly inferenceId: Id<'inference'>;
  readonly createdAt: Date;
  readonly model: string;
  readonly retrieved: readonly RetrievedRecord[];
  /** Drives the operator; stop reading, and the operator is stopped and only what was read is charged. */
  readonly events: AsyncGenerator<ServedEvent, void, void>;
};

/**
 * @throws model_not_found, insufficient_funds (what is missing is in the details), forbidden (the key's limits)
 */
export async function serve(
  handles: GatewayHandles,
  { request, caller, signal }: { request: GenerationRequest; caller: Caller; signal: AbortSignal },
): Promise<Serving> {
  const { db, clock } = handles;
  const model = await handles.models.find(request.model);
  if (caller.models && !caller.models.includes(model.name)) {
    throw new OpenLedgerError('forbidden', `This key may not call ${model.name}.`, {
      models: caller.models,
    });
  }
  const { operator, partyId: operatorPartyId } = await findOperator(handles, model.operator);
  const route = await routeOf(handles, model, operatorPartyId);
  const retrieved = await retrieve(handles, request);
  const maxTokens = Math.min(request.maxTokens ?? model.defaultMaxTokens, model.maxTokens);
  const stop = new AbortController();
  const generation = {
    ...{ model: model.operatorModel, request, maxTokens, retrieved },
    signal: AbortSignal.any([signal, stop.signal]),
  };
  const promptTokens = await operator.countPrompt(generation);
  const promptAtMost = promptTokens ?? promptBound(request, retrieved);
  const heldUnits = priceOf(model.pricing, {
    promptTokens: promptAtMost,
    completionTokens: maxTokens,
  });

  const inferenceId = newId('inference', clock);
  const createdAt = clock.now();
  const call: Call = {
    handles,
    inferenceId,
    model,
    operator,
    caller,
    heldUnits,
    promptTokens,
    generation,
  };
  await hold(call);
  try {
    await db.transaction((tx) =>
      openInference(tx, {
        ...{ inferenceId, createdAt, caller, request, retrieved, heldUnits },
        route,
      }),
    );
  } catch (error) {
    await letGo(call);
    throw error;
  }
  return { inferenceId, createdAt, model: model.name, retrieved, events: deliver(call, stop) };
}

type Call = {
  readonly handles: GatewayHandles;
  readonly inferenceId: Id<'inference'>;
  readonly model: Model;
  readonly operator: Operator;
  readonly caller: Caller;
  readonly heldUnits: bigint;
  readonly promptTokens: number | undefined;
  readonly generation: Parameters<Operator['generate']>[0];
};

/** A receipt has its inference's id under another prefix. */
export const receiptIdOf = (inferenceId: string): Id<'receipt'> =>
  inferenceId.replace(/^inf_/, 'rct_') as Id<'receipt'>;

/** The hold of an inference has its id under another prefix, so that every later step can name it. */
export const holdIdOf = (inferenceId: string): Id<'hold'> =>
  inferenceId.replace(/^inf_/, 'hld_') as Id<'hold'>;

async function routeOf(
  { models }: GatewayHandles,
  model: Model,
  operatorPartyId: Id<'party'>,
): Promise<InferenceRoute> {
  const base = model.baseId ? await models.find(model.baseId) : undefined;
  return {
    model: model.name,
    operator: model.operator,
    operatorPartyId,
    builderPartyId: model.builderId,
    basePartyId: base?.builderId,
    modelHash: base ? base.hash : model.hash,
    adapterHash: base ? model.hash : undefined,
    snapshots: model.snapshots,
  };
}

async function retrieve(
  { datanets }: GatewayHandles,
  request: GenerationRequest,
): Promise<readonly RetrievedRecord[]> {
  if (request.context.datanets.length === 0) return [];
  const query = request.messages.findLast((message) => message.role === 'user')?.content ?? '';
  const { records } = request.context;
  const found = await Promise.all(
    request.context.datanets.map((datanet) =>
      datanets.retrieve(datanet, query, { limit: records }),
    ),
  );
  return found
    .flat()
    .sort((a, b) => b.score - a.score)
    .slice(0, records);
}

const promptBound = (request: GenerationRequest, retrieved: readonly RetrievedRecord[]): number =>
  [...request.messages.map((message) => message.content), ...retrieved.map((record) => record.text)]
    .map(tokensAtMost)
    .reduce((sum, tokens) => sum + tokens, 0);

async function hold({ handles, inferenceId, caller, heldUnits }: Call): Promise<void> {
  const { db, ledger, clock } = handles;
  await reserveSpending(db, caller, heldUnits);
  try {
    await ledger.hold({
      reason: 'inference.held',
      holdId: holdIdOf(inferenceId),
      reference: inferenceId,
      from: `${caller.partyId}:available`,
      to: `${caller.partyId}:held`,
      amount: heldUnits,
      expiresAt: new Date(clock.now().getTime() + HOLD_TTL_MS),
    });
  } catch (error) {
    await settleSpending(db, caller, { reserved: heldUnits, spent: 0n });
    throw error;
  }
}

async function letGo({ handles, inferenceId, caller, heldUnits }: Call): Promise<void> {
  await handles.ledger.release({
    reason: 'inference.void',
    reference: inferenceId,
    holdId: holdIdOf(inferenceId),
  });
  await settleSpending(handles.db, caller, { reserved: heldUnits, spent: 0n });
}

async function* deliver(
  call: Call,
  stop: AbortController,
): AsyncGenerator<ServedEvent, void, void> {
  const delivered = { text: '', tokens: 0 };
  let ending: Extract<OperatorEvent, { kind: 'end' }> | undefined;
  let failure: unknown;
  let finished: Finished | undefined;
  try {
    for await (const event of call.operator.generate(call.generation)) {
      if (event.kind === 'end') {
        ending = event;
        break;
      }
      // Counted before it is handed over: a reader who leaves right after it has received it.
      delivered.text += event.text;
      delivered.tokens += event.tokens;
      yield event;
    }
  } catch (error) {
    failure = error;
  } finally {
    stop.abort();
    finished = await finish(call, delivered, ending);
  }
  if (failure) throw failure;
  if (finished) yield { kind: 'end', finishReason: ending?.finishReason ?? 'stop', ...finished };
}

type Finished = { readonly usage: Usage; readonly priceUnits: bigint };

/** Records what was delivered: all of it, part of it (the client left, the operator broke), or nothing. */
async function finish(
  call: Call,
  delivered: { readonly text: string; readonly tokens: number },
  ending: Extract<OperatorEvent, { kind: 'end' }> | undefined,
): Promise<Finished | undefined> {
  const { handles, inferenceId, caller, heldUnits } = call;
  if (delivered.text === '') {
    await handles.db.transaction((tx) => recordVoid(tx, inferenceId));
    await letGo(call);
    return ending ? { usage: { promptTokens: 0, completionTokens: 0 }, priceUnits: 0n } : undefined;
  }
  const { usage, estimated } = usageOf(call, delivered, ending);
  const full = priceOf(call.model.pricing, usage);
  const priceUnits = full < heldUnits ? full : heldUnits; // an operator that counts more than was held earns no more
  await handles.db.transaction((tx) =>
    recordServed(tx, {
      ...{ inferenceId, output: delivered.text, usage, estimated, priceUnits },
      finishReason: ending?.finishReason ?? 'disconnected',
      servedAt: handles.clock.now(),
    }),
  );
  await settleSpending(handles.db, caller, { reserved: heldUnits, spent: priceUnits });
  return { usage, priceUnits };
}

/** The operator's count when the call ended normally; else our own count of what was delivered. */
function usageOf(
  call: Call,
  delivered: { readonly text: string; readonly tokens: number },
  ending: Extract<OperatorEvent, { kind: 'end' }> | undefined,
): { readonly usage: Usage; readonly estimated: boolean } {
  if (ending?.usage) return { usage: ending.usage, estimated: false };
  const promptTokens =
    call.promptTokens ??
    Math.ceil(promptBound(call.generation.request, call.generation.retrieved) / 4);
  return {
    usage: { promptTokens, completionTokens: delivered.tokens },
    estimated: call.promptTokens === undefined,
  };
}
