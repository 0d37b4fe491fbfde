/** From a request to the attempts at it: who may be asked, in which order, for what, and at what price. */
import { type Id, OpenLedgerError, pricedBy } from '@openledger/protocol';
import type { RetrievedRecord } from '../datanets/index.ts';
import type { Model } from '../models/index.ts';
import type { Clock } from '../platform/clock.ts';
import { promptTexts } from './context.ts';
import type { Attempt } from './deliver.ts';
import type { Directory } from './directory.ts';
import type { InferenceRoute } from './inferences.ts';
import { sumOf, tokensAtMost } from './price.ts';
import type { GenerationRequest } from './request.ts';
import type { Asked, InOrder } from './routing/attempt-in-turn.ts';
import { type Candidate, planAttempts, wishedBy } from './routing/plan.ts';
import type { Standings } from './routing/standings.ts';

export type PrepareHandles = {
  readonly directory: Directory;
  readonly standings: Standings;
  readonly clock: Clock;
};

/** A model's tiers are all before those of the model that it falls back to. */
const TIERS_A_MODEL = 1000;

/** Everybody who may serve one of the models, in the order in which the client names these. */
export async function candidatesFor(
  { directory }: Pick<PrepareHandles, 'directory'>,
  models: readonly Model[],
): Promise<readonly Candidate[]> {
  const [first, ...fallbacks] = await Promise.all(
    models.map((model) => directory.candidates(model)),
  );
  if (fallbacks.length === 0) return first;
  return [first, ...fallbacks].flatMap((candidates, index) =>
    candidates.map((one) => ({ ...one, tier: one.tier + index * TIERS_A_MODEL })),
  );
}

/**
 * The plan, and each of its attempts made ready once. An operator that cannot do what is asked is left out.
 *
 * @throws unprocessable where none can, not_found where the client's wish leaves none, conflict where its terms do
 */
export const prepareAttempts = (
  handles: PrepareHandles,
  candidates: readonly Candidate[],
  asked: { readonly request: GenerationRequest; readonly retrieved: readonly RetrievedRecord[] },
): Promise<InOrder<Attempt>> =>
  inOrder(handles, candidates, {
    wish: asked.request,
    prepare: (candidate) => prepareAttempt(handles, candidate, asked),
  });

/**
 * The plan for whatever is asked of operators, each of its attempts made ready once.
 *
 * @param prepare throws unprocessable where its candidate cannot do what is asked
 * @throws unprocessable where none can, not_found where the client's wish leaves none, conflict where its terms do
 */
export async function inOrder<A>(
  { standings, clock }: Pick<PrepareHandles, 'standings' | 'clock'>,
  candidates: readonly Candidate[],
  {
    wish: { model, route },
    prepare,
  }: {
    readonly wish: Pick<GenerationRequest, 'model' | 'route'>;
    readonly prepare: (candidate: Candidate) => Promise<A>;
  },
): Promise<InOrder<A>> {
  const planned = planAttempts(candidates, {
    ...{ route, standingOf: standings.of, nowMs: clock.now().getTime(), random: Math.random },
  });
  const prepared = new Map<Candidate, Promise<A | OpenLedgerError>>();
  const attempts: Asked<A>[] = [];
  let refusal: OpenLedgerError | undefined;
  for (const { candidate, pauseMs } of planned) {
    const ready = prepared.get(candidate) ?? prepare(candidate).catch(refused);
    prepared.set(candidate, ready);
    const attempt = await ready;
    if (attempt instanceof OpenLedgerError) refusal ??= attempt;
    else attempts.push({ attempt, pauseMs });
  }
  const [first, ...more] = attempts;
  if (first) return [first, ...more];
  throw refusal ?? noneLeft(model, wishedBy(route, candidates));
}

/** @param wished those left by all but the terms that the client insists on */
function noneLeft(model: string, wished: readonly Candidate[]): OpenLedgerError {
  if (wished.length === 0) {
    const sentence = `None of the operators asked for serves ${model}.`;
    return new OpenLedgerError('not_found', sentence, { model });
  }
  const sentence = `Nobody serves ${model} on the terms asked for; those in force are in the details.`;
  return new OpenLedgerError('conflict', sentence, { terms: wished.map(({ terms }) => terms) });
}

/** What an operator cannot do, it says before anything happens. */
function refused(error: unknown): OpenLedgerError {
  if (error instanceof OpenLedgerError && error.code === 'unprocessable') return error;
  throw error;
}

async function prepareAttempt(
  { directory }: PrepareHandles,
  candidate: Candidate,
  { request, retrieved }: Parameters<typeof prepareAttempts>[2],
): Promise<Attempt> {
  const { model, operatorModel, pricing } = candidate;
  const { operator, partyId, kind, baseUrl } = await directory.operator(candidate.operator);
  const maxTokens = Math.min(request.maxTokens ?? model.defaultMaxTokens, model.maxTokens);
  const generation = { model: operatorModel, request, maxTokens, retrieved };
  const promptTokens = await operator.countPrompt(generation);
  const atMost = {
    promptTokens:
      promptTokens ??
      sumOf(promptTexts(generation).map(tokensAtMost)) + (operator.ownTokensAtMost?.(request) ?? 0),
    completionTokens: maxTokens,
  };
  const route = await routeOf(directory, { candidate, partyId, made: request });
  return {
    ...{ operator, candidate, generation, pricing, promptTokens, atMost, route, keepAs: undefined },
    count: directory.counterOf(model),
    asked: { name: candidate.operator, kind, baseUrl, model: operatorModel },
  };
}

/** @param made how an engine of ours makes the answer; undefined where it never does */
export async function routeOf(
  directory: Directory,
  {
    candidate: { model, operator, terms },
    partyId,
    made,
  }: {
    readonly candidate: Candidate;
    readonly partyId: Id<'party'>;
    readonly made: Pick<GenerationRequest, 'interpolate'> | undefined;
  },
): Promise<InferenceRoute> {
  const base = model.baseId ? await directory.model(model.baseId) : undefined;
  const ours = model.kind !== 'external' && operator === model.operator ? made : undefined;
  return {
    model: model.name,
    operator,
    operatorPartyId: partyId,
    builderPartyId: model.builderId,
    basePartyId: base?.builderId,
    modelHash: base ? base.hash : model.hash,
    adapterHash: base ? model.hash : undefined,
    engine: ours && engineNote(ours),
    scoring: ours && {
      ...{ base: base?.name, interpolate: ours.interpolate, adapters: model.influenceAdapters },
    },
    snapshots: model.snapshots,
    terms: pricedBy(terms),
  };
}

/** What a reader of the receipt must know about how the answer was made. */
const engineNote = ({ interpolate }: Pick<GenerationRequest, 'interpolate'>): string =>
  interpolate ? 'small model, infinity-gram interpolated' : 'small model, bare';
