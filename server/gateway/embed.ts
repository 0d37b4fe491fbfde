/**
 * One call for embeddings: money set aside, operators asked in turn, all vectors of one of them or none, and the call ended once.
 *
 * A vector has no words, so there is nothing to stream, retrieve, echo or give again; the rest is as `serve` has it. The record
 * keeps of the vectors which they were (`EmbeddingOutput`), not the vectors.
 */
import {
  embeddingOutput,
  type Id,
  OpenLedgerError,
  receiptIdOf,
  type Vector,
} from '@openledger/protocol';
import type { Caller } from '../identity/index.ts';
import { isPaid } from '../models/index.ts';
import { newId } from '../platform/new-id.ts';
import { chargeOfVectors } from './charge.ts';
import { finishReasonOf, nothing, outOfTime, type Settled, settledAs, watched } from './deliver.ts';
import type { EmbeddingRequest } from './embedding-request.ts';
import { CALL_LIMIT_MS } from './hold.ts';
import { type Claim, type Idempotency, once } from './idempotency.ts';
import type { FailedAttempt } from './inferences.ts';
import { noteAttempts } from './note-attempts.ts';
import { askWatched, type CallObserver, type CallWatch, openWatched } from './observer.ts';
import { type Opened, type OpenHandles, openCall } from './open-call.ts';
import { failed } from './operators/failures.ts';
import type { EmbeddingEvent } from './operators/operator.ts';
import { countInputs } from './own-count.ts';
import { candidatesFor, inOrder, type PrepareHandles } from './prepare-attempts.ts';
import { countsOf, type EmbeddingAttempt, prepareEmbedding } from './prepare-embedding.ts';
import { mostOf, type Usage } from './price.ts';
import type { Rates } from './refusal.ts';
import { attemptInTurn, type InOrder } from './routing/attempt-in-turn.ts';
import { assertAllowed, type ServeHandles } from './serve.ts';

export type EmbedCall = {
  readonly request: EmbeddingRequest;
  readonly caller: Caller;
  /** Under which it is made once; its vectors are not given again. */
  readonly idempotency?: Idempotency;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  /** Who watches it; one of the gateway's own observer, where none is given. */
  readonly watch?: CallWatch;
};

export type Embedded = {
  readonly inferenceId: Id<'inference'>;
  readonly model: string;
  /** One an input, in their order. */
  readonly vectors: readonly Vector[];
  readonly usage: Usage;
  readonly priceUnits: bigint;
  /** What is left of the key's rates, as of when the call was let in. */
  readonly rates: Rates | undefined;
};

export type EmbedHandles = PrepareHandles &
  OpenHandles &
  Pick<ServeHandles, 'datanets' | 'servedBy' | 'patience'> & { readonly observer: CallObserver };

/**
 * @param limitMs when an operator that still answers is stopped
 * @throws what `serve` throws; conflict also where vectors were served under its idempotency key; unprocessable where whoever
 * runs the model makes no embeddings; operator_failed
 */
export async function embed(
  handles: EmbedHandles,
  ask: EmbedCall,
  limitMs = CALL_LIMIT_MS,
): Promise<Embedded> {
  const call = await openWatched(handles.observer, ask, (given) =>
    once(handles, given, {
      make: (claim) => open(handles, given, claim),
      again: ({ inferenceId }) => {
        throw notKept(inferenceId);
      },
    }),
  );
  const outcome = await outcomeOf(handles, call, limitMs);
  const settled = await watched(call.watch, outcome, settle(handles, call, outcome));
  if (outcome.kind !== 'ended') throw outcome.error;
  if (settled === nothing) throw outOfTime(); // somebody else had ended it as void
  const { vectors, attempt } = outcome;
  const { inferenceId, rates } = call;
  return { inferenceId, model: attempt.route.model, vectors, rates, ...settled };
}

const notKept = (inference: Id<'inference'>): OpenLedgerError =>
  new OpenLedgerError(
    'conflict',
    'Under this Idempotency-Key vectors were served, and they are not kept. Another key has them made anew, and charged.',
    { inference, receipt: receiptIdOf(inference), mayRetry: false },
  );

/** A call whose money is set aside. */
type OpenCall = Pick<EmbedCall, 'request' | 'signal'> &
  Opened & {
    readonly inferenceId: Id<'inference'>;
    readonly asked: InOrder<EmbeddingAttempt>;
    readonly watch: CallWatch;
    /** Those that were asked and did not answer. */
    readonly failures: FailedAttempt[];
  };

async function open(
  handles: EmbedHandles,
  { request, caller, signal, watch }: EmbedCall & { readonly watch: CallWatch },
  claim: Claim | undefined,
): Promise<OpenCall> {
  const { directory, clock, datanets, servedBy } = handles;
  const model = await directory.model(request.model);
  const { name, operator, pricing, snapshots } = model;
  const delivery = 'whole';
  watch.routed({ caller, delivery, operation: request.kind, model: name, operator });
  assertAllowed(caller, model);
  const snapshotIds = snapshots.map(({ snapshotId }) => snapshotId);
  if (snapshotIds.length > 0) {
    await datanets.assertRights({ snapshotIds, context: [], commercial: isPaid(pricing) });
  }
  const asked = await inOrder(handles, await candidatesFor(handles, [model]), {
    wish: request,
    prepare: (candidate) => prepareEmbedding(directory, candidate, request),
  });
  const call = {
    ...{ inferenceId: claim?.inferenceId ?? newId('inference', clock), createdAt: clock.now() },
    ...{ cachedFrom: undefined, claim },
    ...{ caller, request, retrieved: [], servedBy, route: asked[0].attempt.route },
    ...mostOf(asked.map(({ attempt }) => attempt)),
  };
  const opened = await openCall(handles, { ...call, delivery }, []);
  const { inferenceId, cachedFrom } = call;
  watch.opened({ inferenceId, maxTokens: undefined, cachedFrom });
  return { ...opened, inferenceId, request, signal, watch, asked, failures: [] };
}

type Answer = Omit<Extract<EmbeddingEvent, { kind: 'end' }>, 'kind'> & {
  readonly vectors: readonly Vector[];
  readonly attempt: EmbeddingAttempt;
};

type Outcome =
  | (Answer & { readonly kind: 'ended' })
  | { readonly kind: 'left' | 'failed'; readonly error: unknown };

/** Who has gone before the whole answer has got nothing, also where the operator did not stop. */
async function outcomeOf(handles: EmbedHandles, call: OpenCall, limitMs: number): Promise<Outcome> {
  const { signal, reservation } = call;
  const stop = new AbortController();
  const abort = () => stop.abort();
  const timer = setTimeout(abort, limitMs).unref();
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    const answer = await answerOf(handles, call, stop.signal);
    if (!reservation.isOpen()) throw outOfTime();
    signal.throwIfAborted();
    return { ...answer, kind: 'ended' };
  } catch (error) {
    return signal.aborted ? { kind: 'left', error: brokenOff() } : { kind: 'failed', error };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

/** Nobody reads this. */
const brokenOff = (): OpenLedgerError =>
  new OpenLedgerError('operator_failed', 'The call was broken off.');

/** @throws what the last operator that was asked failed with */
async function answerOf(
  { standings, patience }: EmbedHandles,
  { asked, request, watch, failures }: OpenCall,
  stop: AbortSignal,
): Promise<Answer> {
  const heard = attemptInTurn<EmbeddingAttempt, EmbeddingEvent>({
    ...{ asked, patience, hedgeAfterMs: request.route.hedgeAfterMs, isWhole: true, signal: stop },
    ...noteAttempts(standings, failures),
    ask: ({ embed, order, asked: who }, signal) =>
      askWatched((headers) => embed({ ...order, headers, signal }), { watch, asked: who, signal }),
  });
  let vectors: Answer['vectors'] = [];
  let answer: Answer | undefined;
  for await (const { attempt, event } of heard) {
    if (event.kind === 'end') answer = { ...event, vectors, attempt };
    else vectors = event.vectors;
  }
  if (answer) return answer;
  throw failed('The operator broke off.');
}

/** Records the whole delivery for the price of whoever made it, or nothing for nothing; the money follows the record. */
async function settle(
  { clock }: EmbedHandles,
  { inferenceId, record, request, failures }: OpenCall,
  outcome: Outcome,
): Promise<Settled> {
  const finishReason = finishReasonOf(outcome);
  if (outcome.kind !== 'ended') {
    await record.void({ finishReason, failures });
    return nothing;
  }
  const { vectors, attempt, usage: reported } = outcome;
  const { own, atMost } = countsOf(request.inputs);
  const exact = attempt.count && (await countInputs(attempt.count, request.inputs));
  const counts = { reported, own: exact ?? own, atMost };
  const charge = chargeOfVectors(counts, attempt.pricing);
  const { usage, estimated, overstated, units: priceUnits } = charge;
  const served = {
    ...{ inferenceId, output: embeddingOutput(vectors), toolCalls: [], finishReason },
    ...{ usage, estimated, overstated, priceUnits, servedAt: clock.now() },
    ...{ route: attempt.route, failures },
  };
  return settledAs(await record.serve(served, undefined)); // never given again
}
