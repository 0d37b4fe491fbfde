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
import { type InferenceRoute, openInference, recordRefused } from './inferences.ts';
import { assertWithinLimits, reserveLimits } from './limits.ts';
import type { Money, Reservation } from './money.ts';
import type { Operator } from './operators/operator.ts';
import { findOperator } from './operators.ts';
import { cachedPricing, type Pricing, priceOf, sumOf, tokensAtMost } from './price.ts';
import type { Rates } from './refusal.ts';
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
  /** What is left of the key's rates, as of when the call was let in. */
  readonly rates: Rates | undefined;
};

export type ServeCall = {
  readonly request: GenerationRequest;
  readonly caller: Caller;
  readonly delivery: Delivery;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
};

/**
 * @throws model_not_found, insufficient_funds (what is missing is in the details), rate_limited and too_large (the key's rates),
 * forbidden (not a model of the key's), purpose_not_licensed and licences_conflict (of what the model learned and of the context)
 */
export async function serve(
  handles: ServeHandles,
  { request, caller, delivery, signal }: ServeCall,
): Promise<Serving> {
  const { clock, log } = handles;
  const model = await handles.models.find(request.model);
  assertAllowed(caller, model);
  const { operator, partyId: operatorPartyId } = await findOperator(handles, model.operator);
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
    ...terms,
    heldUnits: priceOf(terms.pricing, terms.atMost),
  };
  const { reservation, rates } = await open(handles, call, found.from);
  const delivering = deliver(handles, { ...call, reservation }, CALL_LIMIT_MS);
  const leave = () => {
    delivering.leave().catch((error: unknown) => log.error('gateway.leave_failed', { error }));
  };
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
  const { inferenceId, createdAt } = call;
  const { cachedFrom } = terms;
  return { inferenceId, createdAt, model: model.name, retrieved, cachedFrom, rates, ...delivering };
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
 * pay is paid last, so that a call which cannot be paid costs nothing. A key that is beyond its limits is told so before any
 * money is moved; whoever slips through is stopped where the promise is made.
 */
async function open(
  handles: ServeHandles,
  call: Parameters<typeof openInference>[1],
  from: Found['from'],
): Promise<{ readonly reservation: Reservation; readonly rates: Rates | undefined }> {
  await assertWithinLimits(handles.db, call);
  const reservation = await handles.money.reserve({ ...call, payerId: call.caller.partyId });
  try {
    const rates = await handles.db.transaction(async (tx) => {
      const left = await reserveLimits(tx, call);
      await openInference(tx, call);
      return left;
    });
    const { caller, request } = call;
    for (const read of from) {
      await handles.access.read({ ...read, caller, payUpTo: request.context.payUpTo });
    }
    return { reservation, rates };
  } catch (error) {
    const { inferenceId } = call;
    await handles.db.transaction((tx) => recordRefused(tx, inferenceId, handles.clock.now()));
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
