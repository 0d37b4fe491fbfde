/**
 * Opens one call: who may serve it, what it may cost at most, and the money for that set aside.
 *
 * The money is set aside before an operator is asked; the record of what was delivered and its announcement commit together.
 * From there the flow captures exactly the recorded price, however often it is delivered.
 */
import { type Id, OpenLedgerError, type Purpose } from '@openledger/protocol';
import type { Access, Datanets, RetrievedRecord } from '../datanets/index.ts';
import type { Caller } from '../identity/index.ts';
import { isPaid, type Model } from '../models/index.ts';
import type { Db } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { newId } from '../platform/new-id.ts';
import { isAway, outlast } from '../platform/outlast.ts';
import { answerAgain, type CacheSettings, cacheKeyOf, findAnswer } from './cache.ts';
import type { Delivery } from './charge.ts';
import { type Attempt, type Delivering, deliver } from './deliver.ts';
import { CALL_LIMIT_MS } from './hold.ts';
import { openInference, recordVoid } from './inferences.ts';
import { reserveSpending } from './limits.ts';
import type { Money, Reservation } from './money.ts';
import { candidatesFor, type PrepareHandles, prepareAttempts } from './prepare-attempts.ts';
import { cachedPricing, priceOf } from './price.ts';
import type { GenerationRequest } from './request.ts';
import type { Asked, Patience } from './routing/attempt-in-turn.ts';

export type ServeHandles = PrepareHandles & {
  readonly db: Db;
  readonly money: Money;
  readonly datanets: Datanets;
  readonly access: Pick<Access, 'assertMayAsk' | 'read'>;
  readonly log: Log;
  /** The name by which this process is present (`platform/presence.ts`). */
  readonly servedBy: string;
  /** How long operators may be silent. */
  readonly patience: Patience;
  /** Undefined: no answer is given twice. */
  readonly cache?: CacheSettings;
};

/** Money is held and the operators are known; reading the events asks them. */
export type Serving = Delivering & {
  readonly inferenceId: Id<'inference'>;
  readonly createdAt: Date;
  /** Of the one that answers, as soon as it has begun. */
  readonly model: string;
  readonly operator: string;
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
};

/**
 * @throws model_not_found, insufficient_funds (what is missing is in the details), forbidden (the key's limits),
 * purpose_not_licensed and licences_conflict (of what the model learned and of the context), unprocessable (what no operator
 * of the model can do)
 */
export async function serve(handles: ServeHandles, ask: ServeCall): Promise<Serving> {
  const { directory, clock } = handles;
  const { request, caller, delivery } = ask;
  const models = await Promise.all(
    [request.model, ...request.fallbacks].map((name) => directory.model(name)),
  );
  for (const model of models) assertAllowed(caller, model);
  const commercial = models.some(({ pricing }) => isPaid(pricing));
  const found = await retrieve(handles, { request, caller, commercial });
  const { retrieved } = found;
  for (const { snapshots } of models) {
    const snapshotIds = snapshots.map(({ snapshotId }) => snapshotId);
    if (snapshotIds.length + retrieved.length === 0) continue; // there is nothing to ask about
    await handles.datanets.assertRights({ snapshotIds, context: retrieved, commercial });
  }
  const candidates = await candidatesFor(handles, models);
  const planned = await prepareAttempts(handles, candidates, { request, retrieved });
  const { asked, cachedFrom } = await orAgain(handles, { caller, request, retrieved, planned });

  const call = {
    ...{ inferenceId: newId('inference', clock), createdAt: clock.now(), cachedFrom },
    ...{ caller, request, retrieved, delivery, servedBy: handles.servedBy },
    ...{ asked, hedgeAfterMs: request.route.hedgeAfterMs, route: asked[0].attempt.route },
    heldUnits: mostOf(asked.map(({ attempt }) => priceOf(attempt.pricing, attempt.atMost))),
  };
  const reservation = await open(handles, call, found.from);
  const delivering = deliver(handles, { ...call, reservation }, CALL_LIMIT_MS);
  leaveOnAbort(handles.log, delivering, ask.signal);
  return {
    ...{ inferenceId: call.inferenceId, createdAt: call.createdAt, retrieved, cachedFrom },
    ...delivering,
    get model() {
      return delivering.answering().route.model;
    },
    get operator() {
      return delivering.answering().route.operator;
    },
  };
}

function leaveOnAbort(log: Log, delivering: Delivering, signal: AbortSignal): void {
  const leave = () => {
    delivering.leave().catch((error: unknown) => log.error('gateway.leave_failed', { error }));
  };
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
}

type Attempts = readonly [Asked<Attempt>, ...Asked<Attempt>[]];

type Planned = {
  readonly caller: Caller;
  readonly request: GenerationRequest;
  readonly retrieved: readonly RetrievedRecord[];
  readonly planned: Attempts;
};

type Terms = { readonly asked: Attempts; readonly cachedFrom: Id<'inference'> | undefined };

/** An answer that was given before, in place of all attempts; where there is none, what they bring may be kept. */
async function orAgain(
  { db, clock, datanets, cache }: ServeHandles,
  { caller, request, retrieved, planned }: Planned,
): Promise<Terms> {
  if (!cache) return { asked: planned, cachedFrom: undefined };
  const [{ attempt: first }] = planned;
  const { route, generation } = first;
  const asked = { request, maxTokens: generation.maxTokens, route, retrieved };
  const keepAs = await cacheKeyOf(datanets, caller.partyId, asked);
  const kept = keepAs && (await findAnswer({ db, clock }, keepAs, cache));
  if (!kept) {
    const keeping = planned.map(({ attempt, pauseMs }) => ({
      attempt: { ...attempt, keepAs: attempt.route.model === route.model ? keepAs : undefined },
      pauseMs,
    }));
    return { asked: keeping as unknown as Attempts, cachedFrom: undefined };
  }
  const attempt: Attempt = {
    ...{ operator: { generate: answerAgain(kept) }, candidate: undefined, keepAs: undefined },
    ...{ generation, route: kept.route, pricing: cachedPricing(first.pricing, cache.pricePpm) },
    ...{ promptTokens: kept.usage.promptTokens, atMost: kept.usage },
  };
  return { asked: [{ attempt, pauseMs: 0 }], cachedFrom: kept.inferenceId };
}

const mostOf = (amounts: readonly bigint[]): bigint =>
  amounts.reduce((most, amount) => (amount > most ? amount : most), 0n);

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
    const { inferenceId } = call;
    const voiding = outlast(() => handles.db.transaction((tx) => recordVoid(tx, inferenceId)));
    voiding.catch((cause: unknown) =>
      handles.log.error('gateway.void_failed', { inferenceId, error: cause }),
    );
    if (!isAway(error)) await voiding; // nobody waits for a database that is away to hear that it is
    await reservation.void();
    throw error;
  }
}

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
