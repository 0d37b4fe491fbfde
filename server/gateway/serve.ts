/**
 * Opens one call: who serves it, what it may cost at most, and the money for that set aside.
 *
 * The money is set aside before the operator is asked; the record of what was delivered and its announcement commit together.
 * From there the flow captures exactly the recorded price, however often it is delivered.
 */
import { type Id, OpenLedgerError, type Purpose } from '@openledger/protocol';
import type { Access, Datanets, RetrievedRecord } from '../datanets/index.ts';
import type { Caller } from '../identity/index.ts';
import { isPaid, type Model, type Models } from '../models/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { newId } from '../platform/new-id.ts';
import { answerAgain, type CacheKey, type CacheSettings, cacheKeyOf, findAnswer } from './cache.ts';
import type { Delivery } from './charge.ts';
import { promptTexts } from './context.ts';
import { type Call, type Delivering, deliver } from './deliver.ts';
import { CALL_LIMIT_MS } from './hold.ts';
import { type InferenceRoute, openInference, recordVoid } from './inferences.ts';
import { reserveSpending } from './limits.ts';
import type { Money, Reservation } from './money.ts';
import { type CallWatch, watchedOperator } from './observer.ts';
import type { Operator } from './operators/operator.ts';
import { findOperator } from './operators.ts';
import { cachedPricing, type Pricing, priceOf, sumOf, tokensAtMost } from './price.ts';
import type { GenerationRequest } from './request.ts';

export type ServeHandles = {
  readonly db: Db;
  readonly money: Money;
  readonly datanets: Datanets;
  readonly access: Pick<Access, 'assertMayAsk' | 'read'>;
  readonly models: Models;
  readonly clock: Clock;
  readonly log: Log;
  readonly allowPrivateOperators: boolean;
  /** The name by which this process is present (`platform/presence.ts`). */
  readonly servedBy: string;
  /** Undefined: no answer is given twice. */
  readonly cache?: CacheSettings;
};

/** Money is held and the operator is known; reading the events asks it. */
export type Serving = Delivering & {
  readonly inferenceId: Id<'inference'>;
  readonly createdAt: Date;
  readonly model: string;
  readonly retrieved: readonly RetrievedRecord[];
  /** The call whose answer is given again. */
  readonly cachedFrom: Id<'inference'> | undefined;
};

export type ServeCall = {
  readonly request: GenerationRequest;
  readonly caller: Caller;
  readonly delivery: Delivery;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  /** Who watches it; one of the gateway's own observer, where none is given. */
  readonly watch?: CallWatch;
};

/**
 * @throws model_not_found, insufficient_funds (what is missing is in the details), forbidden (the key's limits),
 * purpose_not_licensed and licences_conflict (of what the model learned and of the context)
 */
export async function serve(
  handles: ServeHandles,
  { request, caller, delivery, signal, watch }: ServeCall & { readonly watch: CallWatch },
): Promise<Serving> {
  const { clock, log } = handles;
  const model = await handles.models.find(request.model);
  const { name, operatorModel } = model;
  watch.routed({
    ...{ caller, delivery, operation: request.kind },
    ...{ model: name, operator: model.operator },
  });
  assertAllowed(caller, model);
  const known = await findOperator(handles, model.operator);
  const operatorPartyId = known.partyId;
  const operator = watchedOperator(known, watch, { name: model.operator, model: operatorModel });
  const route = await routeOf(handles, { model, operatorPartyId, request });
  const commercial = isPaid(model.pricing);
  const found = await retrieve(handles, { request, caller, commercial });
  const { retrieved } = found;
  const snapshotIds = model.snapshots.map(({ snapshotId }) => snapshotId);
  await handles.datanets.assertRights({ snapshotIds, context: retrieved, commercial });
  const maxTokens = Math.min(request.maxTokens ?? model.defaultMaxTokens, model.maxTokens);
  const generation = { model: model.operatorModel, request, maxTokens, retrieved };
  const { pricing } = model;
  const key =
    handles.cache &&
    (await cacheKeyOf(handles.datanets, caller.partyId, { request, maxTokens, route, retrieved }));
  const terms =
    (await termsOfKept(handles, { key, pricing })) ??
    (await termsOfNew(operator, { generation, pricing, key }));

  const call = {
    ...{ inferenceId: newId('inference', clock), createdAt: clock.now() },
    ...{ caller, request, retrieved, route, generation, delivery, servedBy: handles.servedBy },
    watch,
    ...terms,
    heldUnits: priceOf(terms.pricing, terms.atMost),
  };
  const reservation = await open(handles, call, found.from);
  watch.opened({ inferenceId: call.inferenceId, maxTokens, cachedFrom: terms.cachedFrom });
  const delivering = deliver(handles, { ...call, reservation }, CALL_LIMIT_MS);
  const leave = () => {
    delivering.leave().catch((error: unknown) => log.error('gateway.leave_failed', { error }));
  };
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
  const { inferenceId, createdAt } = call;
  const { cachedFrom } = terms;
  return { inferenceId, createdAt, model: name, retrieved, cachedFrom, ...delivering };
}

/** Who answers, and what it costs. */
type Terms = Pick<Call, 'operator' | 'pricing' | 'promptTokens' | 'atMost' | 'keepAs'> & {
  readonly cachedFrom: Id<'inference'> | undefined;
};

/** The call that made the answer tells all its tokens. @returns undefined when there is none to give again */
async function termsOfKept(
  { db, clock, cache }: ServeHandles,
  { key, pricing }: { readonly key: CacheKey | undefined; readonly pricing: Pricing },
): Promise<Terms | undefined> {
  const kept = cache && key && (await findAnswer({ db, clock }, key, cache));
  if (!kept) return undefined;
  return {
    operator: { generate: answerAgain(kept) },
    pricing: cachedPricing(pricing, cache.pricePpm),
    ...{ promptTokens: kept.usage.promptTokens, atMost: kept.usage },
    ...{ cachedFrom: kept.inferenceId, keepAs: undefined },
  };
}

async function termsOfNew(
  operator: Operator,
  {
    generation,
    pricing,
    key: keepAs,
  }: Pick<Call, 'generation' | 'pricing'> & { readonly key: CacheKey | undefined },
): Promise<Terms> {
  const promptTokens = await operator.countPrompt(generation);
  const atMost = {
    promptTokens: promptTokens ?? sumOf(promptTexts(generation).map(tokensAtMost)),
    completionTokens: generation.maxTokens,
  };
  return { operator, pricing, promptTokens, atMost, keepAs, cachedFrom: undefined };
}

function assertAllowed({ models }: Caller, { name }: Model): void {
  if (!models || models.includes(name)) return;
  throw new OpenLedgerError('forbidden', `This key may not call ${name}.`, { models });
}

/**
 * The money first, then the record with the key's promise: whatever dies in between, it comes back by itself. What is read for
 * pay is paid last, so that a call which cannot be paid costs nothing.
 */
async function open(
  handles: ServeHandles,
  call: Parameters<typeof openInference>[1],
  from: Found['from'],
): Promise<Reservation> {
  const reservation = await handles.money.reserve({ ...call, payerId: call.caller.partyId });
  try {
    await handles.db.transaction(async (tx) => {
      await reserveSpending(tx, call.caller, call.heldUnits);
      await openInference(tx, call);
    });
    const { caller, request } = call;
    for (const read of from) {
      await handles.access.read({ ...read, caller, payUpTo: request.context.payUpTo });
    }
    return reservation;
  } catch (error) {
    await handles.db.transaction((tx) => recordVoid(tx, call.inferenceId));
    await reservation.void();
    throw error;
  }
}

type RouteFacts = {
  readonly model: Model;
  readonly operatorPartyId: Id<'party'>;
  readonly request: GenerationRequest;
};

async function routeOf(
  { models }: ServeHandles,
  { model, operatorPartyId, request }: RouteFacts,
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
    engine: model.kind === 'external' ? undefined : engineNote(request),
    scoring:
      model.kind === 'external'
        ? undefined
        : {
            base: base?.name,
            interpolate: request.interpolate,
            adapters: model.influenceAdapters,
          },
    snapshots: model.snapshots,
  };
}

/** What a reader of the receipt must know about how the answer was made. */
const engineNote = ({ interpolate }: GenerationRequest): string =>
  interpolate ? 'small model, infinity-gram interpolated' : 'small model, bare';

type Found = {
  readonly retrieved: readonly RetrievedRecord[];
  /** The same, datanet by datanet. */
  readonly from: readonly {
    readonly datanetId: Id<'datanet'>;
    readonly snapshotId: string;
    readonly recordHashes: readonly string[];
  }[];
};

/** A long message asks at its end; searching for all its words would cost more than answering it. */
const QUERY_CHARACTERS = 4000;

async function retrieve(
  { datanets, access }: ServeHandles,
  {
    request,
    caller,
    commercial,
  }: Pick<ServeCall, 'request' | 'caller'> & { readonly commercial: boolean },
): Promise<Found> {
  for (const datanetId of request.context.datanets) await access.assertMayAsk(datanetId, caller);
  if (request.context.datanets.length === 0) return { retrieved: [], from: [] };
  const asked = request.messages.findLast((message) => message.role === 'user')?.content ?? '';
  const query = asked.slice(-QUERY_CHARACTERS);
  const { records } = request.context;
  const purposes: readonly Purpose[] = commercial ? ['retrieve', 'commercial'] : ['retrieve'];
  const found = await Promise.all(
    request.context.datanets.map(async (datanetId) => {
      const one = await datanets.retrieve(datanetId, query, { limit: records, purposes });
      return { datanetId, records: one.records };
    }),
  );
  const retrieved = found
    .flatMap((one) => one.records)
    .sort((a, b) => b.score - a.score)
    .slice(0, records);
  const taken = new Set(retrieved);
  const from = found.map((one) => ({
    datanetId: one.datanetId,
    recordHashes: one.records
      .filter((record) => taken.has(record))
      .map(({ recordHash }) => recordHash),
    snapshotId: one.records[0]?.snapshotId,
  }));
  return { retrieved, from: from.filter(({ recordHashes }) => recordHashes.length > 0) };
}
