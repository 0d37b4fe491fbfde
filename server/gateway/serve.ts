/**
 * Opens one call: who may serve it, what it may cost at most, and the money for that set aside.
 *
 * The money is set aside before an operator is asked; the record of what was delivered and its announcement commit together.
 * From there the flow captures exactly the recorded price, however often it is delivered.
 */
import { cachedPricing, type Id, OpenLedgerError } from '@openledger/protocol';
import type { Access, Datanets, RetrievedRecord } from '../datanets/index.ts';
import type { Caller } from '../identity/index.ts';
import { isPaid, type Model } from '../models/index.ts';
import type { Log } from '../platform/log.ts';
import { newId } from '../platform/new-id.ts';
import { answerAgain, type CacheSettings, cacheKeyOf, findAnswer } from './cache.ts';
import type { Delivery } from './charge.ts';
import { type Attempt, type Delivering, deliver, promptTokensOf } from './deliver.ts';
import { CALL_LIMIT_MS } from './hold.ts';
import type { Claim, Idempotency } from './idempotency.ts';
import type { Retrieved } from './inferences.ts';
import type { CallWatch } from './observer.ts';
import { type OpenHandles, openCall } from './open-call.ts';
import { candidatesFor, type PrepareHandles, prepareAttempts } from './prepare-attempts.ts';
import { mostOf } from './price.ts';
import { modelLimit, type Rates } from './refusal.ts';
import type { GenerationRequest } from './request.ts';
import { retrieveContext } from './retrieve-context.ts';
import type { Asked, InOrder, Patience } from './routing/attempt-in-turn.ts';

export type ServeHandles = PrepareHandles &
  OpenHandles & {
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
export type Serving = Pick<Delivering, 'events' | 'leave'> & {
  readonly inferenceId: Id<'inference'>;
  readonly createdAt: Date;
  /** Of the one that answers, as soon as it has begun. */
  readonly model: string;
  readonly operator: string;
  /** Our own count for it: exact where the tokenizer is ours, about that elsewhere. */
  readonly promptTokens: number;
  readonly retrieved: readonly Retrieved[];
  /** The call whose answer is given again. */
  readonly cachedFrom: Id<'inference'> | undefined;
  /** What is left of the key's rates, as of when the call was let in. */
  readonly rates: Rates | undefined;
  /** Present where this is no call of its own: one that was served before is told of again. */
  readonly replay?: {
    /** The finish reason of a stream that broke off, as recorded; its events then say `length`. */
    readonly brokenOff: string | undefined;
  };
};

export type ServeCall = {
  readonly request: GenerationRequest;
  readonly caller: Caller;
  readonly delivery: Delivery;
  /** Under which it is made once; undefined: each time it is sent. */
  readonly idempotency?: Idempotency;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  /** Who watches it; one of the gateway's own observer, where none is given. */
  readonly watch?: CallWatch;
};

/**
 * @param claim the idempotency key that is this call's
 * @throws model_not_found, insufficient_funds (what is missing is in the details), rate_limited and too_large (the key's rates),
 * forbidden (not a model of the key's), purpose_not_licensed and licences_conflict (of what the model learned and of the
 * context), unprocessable (what no operator of the model can do)
 */
export async function serve(
  handles: ServeHandles,
  ask: ServeCall & { readonly watch: CallWatch },
  claim?: Claim,
): Promise<Serving> {
  const { directory, clock } = handles;
  const { request, caller, delivery, watch } = ask;
  const models = await Promise.all(
    [request.model, ...request.fallbacks].map((name) => directory.model(name)),
  );
  const [{ name: model, operator }] = models;
  watch.routed({ caller, delivery, operation: request.kind, model, operator });
  for (const one of models) assertAllowed(caller, one);
  assertBudgeted(caller, request);
  const commercial = models.some(({ pricing }) => isPaid(pricing));
  const found = await retrieveContext(handles, { request, caller, commercial });
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
    ...{ inferenceId: claim?.inferenceId ?? newId('inference', clock), createdAt: clock.now() },
    ...{ cachedFrom, claim },
    ...{ caller, request, retrieved, delivery, servedBy: handles.servedBy, watch },
    ...{ asked, hedgeAfterMs: request.route.hedgeAfterMs, route: asked[0].attempt.route },
    ...mostOf(asked.map(({ attempt }) => attempt)),
  };
  const { payUpTo } = request.context;
  const reads = found.from.map((read) => ({ ...read, payUpTo }));
  const { rates, ...opened } = await openCall(handles, call, reads);
  const { maxTokens } = asked[0].attempt.generation;
  watch.opened({ inferenceId: call.inferenceId, maxTokens, cachedFrom });
  const delivering = deliver(handles, { ...call, ...opened }, CALL_LIMIT_MS);
  leaveOnAbort(handles.log, delivering, ask.signal);
  const { events, leave } = delivering;
  return {
    ...{ inferenceId: call.inferenceId, createdAt: call.createdAt, retrieved, cachedFrom, rates },
    ...{ events, leave },
    get model() {
      return delivering.answering().route.model;
    },
    get operator() {
      return delivering.answering().route.operator;
    },
    get promptTokens() {
      return promptTokensOf(delivering.answering());
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

type Planned = {
  readonly caller: Caller;
  readonly request: GenerationRequest;
  readonly retrieved: readonly RetrievedRecord[];
  readonly planned: InOrder<Attempt>;
};

type Terms = {
  readonly asked: InOrder<Attempt>;
  readonly cachedFrom: Id<'inference'> | undefined;
};

/** An answer that was given before, in place of all attempts; where there is none, what they bring may be kept. */
async function orAgain(
  { db, clock, datanets, cache }: ServeHandles,
  { caller, request, retrieved, planned }: Planned,
): Promise<Terms> {
  if (!cache) return { asked: planned, cachedFrom: undefined };
  const [{ attempt: first }, ...others] = planned;
  const { route, generation } = first;
  const question = { request, maxTokens: generation.maxTokens, route, retrieved };
  const keepAs = await cacheKeyOf(datanets, caller.partyId, question);
  const kept = keepAs && (await findAnswer({ db, clock }, keepAs, { ...cache, ...request.route }));
  if (!kept) {
    const keeping = ({ attempt, pauseMs }: Asked<Attempt>): Asked<Attempt> => ({
      attempt: { ...attempt, keepAs: attempt.route.model === route.model ? keepAs : undefined },
      pauseMs,
    });
    const asked: InOrder<Attempt> = [keeping(planned[0]), ...others.map(keeping)];
    return { asked, cachedFrom: undefined };
  }
  const attempt: Attempt = {
    ...{ operator: { generate: answerAgain(kept) }, candidate: undefined, keepAs: undefined },
    asked: undefined,
    ...{ generation, pricing: cachedPricing(first.pricing, kept.pricePpm) },
    route: { ...kept.route, terms: route.terms && { ...route.terms, ppm: kept.pricePpm } },
    ...{ promptTokens: kept.usage.promptTokens, atMost: kept.usage },
  };
  return { asked: [{ attempt, pauseMs: 0 }], cachedFrom: kept.inferenceId };
}

/** @throws forbidden when the key may not call it */
export function assertAllowed({ models }: Caller, { name }: Model): void {
  if (!models || models.includes(name)) return;
  throw new OpenLedgerError('forbidden', `This key may not call ${name}.`, { models });
}

/** A model's budget is held for the model that is asked: nobody gets by it through another's name. */
function assertBudgeted({ limits }: Caller, { fallbacks }: GenerationRequest): void {
  const budgeted = fallbacks.find((name) => modelLimit(limits, name) !== undefined);
  if (budgeted === undefined) return;
  const sentence = `This key has a budget for ${budgeted}: it may be asked, and not fallen back to.`;
  throw new OpenLedgerError('forbidden', sentence, { model: budgeted });
}
