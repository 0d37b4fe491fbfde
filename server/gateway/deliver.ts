/**
 * Hands an operator's answer on while it comes, and settles once, however it ends: for all of it, for the part that was
 * handed over, or for nothing.
 */
import { type Id, OpenLedgerError, outputText, type ToolCall } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db.ts';
import { outlast } from '../platform/outlast.ts';
import { type CacheKey, keepAnswer } from './cache.ts';
import { type CallEnd, type Charge, chargeOf, type Delivery } from './charge.ts';
import { promptTexts } from './context.ts';
import {
  type FailedAttempt,
  findInference,
  type InferenceRoute,
  recordServed,
  recordVoid,
} from './inferences.ts';
import type { Reservation } from './money.ts';
import {
  addPiece,
  type ContentEvent,
  type FinishReason,
  type Generation,
  type Operator,
  type OperatorEvent,
} from './operators/operator.ts';
import { type Pricing, sumOf, tokensAbout, tokensAtMost, type Usage } from './price.ts';
import { type Asked, attemptInTurn, type Heard, type Patience } from './routing/attempt-in-turn.ts';
import type { Candidate } from './routing/plan.ts';
import type { Standings } from './routing/standings.ts';

export type ServedEvent =
  | ContentEvent
  | {
      readonly kind: 'end';
      readonly finishReason: FinishReason;
      readonly usage: Usage;
      readonly priceUnits: bigint;
    };

export type Delivering = {
  /** Drives the operators: they are asked when the first event is. For one reader. */
  readonly events: AsyncGenerator<ServedEvent, void, void>;
  /** Whose answer it is; before the first event, the one that is asked first. */
  answering(): Attempt;
  /** The client has gone: stops the operator and settles. Safe at any time, also before the first event. */
  leave(): Promise<void>;
};

/** One of those who may answer a call, and its terms. */
export type Attempt = {
  readonly operator: Pick<Operator, 'generate'>;
  /** Undefined where an answer is given again, and nobody asked. */
  readonly candidate: Candidate | undefined;
  readonly generation: Omit<Generation, 'signal' | 'stream'>;
  readonly route: InferenceRoute;
  readonly pricing: Pricing;
  /** By the model's own tokenizer; undefined when that is not ours. */
  readonly promptTokens: number | undefined;
  readonly atMost: Usage;
  /** Under which its answer may be given again; undefined when it may not. */
  readonly keepAs: CacheKey | undefined;
};

/** A call whose money is set aside. */
export type Call = {
  readonly inferenceId: Id<'inference'>;
  readonly delivery: Delivery;
  readonly asked: readonly [Asked<Attempt>, ...Asked<Attempt>[]];
  readonly hedgeAfterMs: number | undefined;
  readonly reservation: Reservation;
};

export type DeliverHandles = {
  readonly db: Db;
  readonly clock: Clock;
  readonly standings: Standings;
  readonly patience: Patience;
};

type Outcome =
  | (Omit<Extract<OperatorEvent, { kind: 'end' }>, 'kind'> & { readonly kind: 'ended' })
  | { readonly kind: 'left' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** @param limitMs when an operator that still answers is stopped */
export function deliver(handles: DeliverHandles, call: Call, limitMs: number): Delivering {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), limitMs).unref();
  const delivered: Delivered = {
    ...{ text: '', toolCalls: [], tokens: 0, failures: [] },
    attempt: call.asked[0].attempt,
  };
  let hasLeft = false;
  let settled: Promise<Settled> | undefined;
  const settleOnce = (outcome: Outcome): Promise<Settled> => {
    clearTimeout(timer);
    settled ??= settle(handles, call, { delivered, outcome });
    return settled;
  };

  async function* read(): AsyncGenerator<ServedEvent, void, void> {
    let outcome: Outcome = { kind: 'left' }; // what remains true when the reader returns out of the loop
    try {
      for await (const { attempt, event } of heard(handles, call, { delivered, stop })) {
        delivered.attempt = attempt;
        if (event.kind === 'end') {
          outcome = { ...event, kind: 'ended' };
          break;
        }
        await call.reservation.durable();
        if (!call.reservation.isOpen()) throw outOfTime();
        // Counted before it is handed over: a reader who leaves right after it has received it.
        if (event.kind === 'text') delivered.text += event.text;
        else addPiece(delivered.toolCalls, event);
        delivered.tokens += event.tokens;
        yield event;
        noteProgress(call, delivered);
      }
    } catch (error) {
      outcome = hasLeft ? { kind: 'left' } : { kind: 'failed', error };
    } finally {
      stop.abort();
      await settleOnce(hasLeft && call.delivery === 'whole' ? { kind: 'left' } : outcome);
    }
    if (outcome.kind === 'failed') throw outcome.error;
    if (outcome.kind === 'ended') {
      yield { kind: 'end', finishReason: outcome.finishReason, ...(await settleOnce(outcome)) };
    }
  }

  const events = read();
  return {
    events,
    answering: () => delivered.attempt,
    async leave() {
      hasLeft = true;
      stop.abort();
      await events.return();
      await settleOnce({ kind: 'left' });
    },
  };
}

/** What the operator says that speaks, up to its end. One that writes more than it was asked for is stopped there. */
async function* heard(
  { standings, patience }: DeliverHandles,
  { asked, hedgeAfterMs, delivery }: Call,
  { delivered, stop }: { readonly delivered: Delivered; readonly stop: AbortController },
): AsyncGenerator<Heard<Attempt>, void, void> {
  let tokens = 0;
  const heardOf = attemptInTurn<Attempt>({
    ...{ asked, patience, hedgeAfterMs, signal: stop.signal, mayRetry: standings.mayRetry },
    isWhole: delivery === 'whole',
    ask: ({ operator, generation }, signal) =>
      operator.generate({ ...generation, stream: delivery === 'streamed', signal }),
    onBegin: ({ candidate }) => candidate && standings.begin(candidate),
    onSpoke: ({ candidate }, ms) => candidate && standings.spoke(candidate, ms),
    onFailed({ candidate }, ms, error) {
      if (!candidate) return;
      standings.failed(candidate, error);
      delivered.failures.push({
        operator: candidate.operator,
        ...reasonOf(error),
        ms: Math.round(ms),
      });
    },
  });
  for await (const { attempt, event } of heardOf) {
    if (event.kind !== 'end') {
      tokens += event.tokens;
      if (tokens > attempt.generation.maxTokens) {
        yield { attempt, event: { kind: 'end', finishReason: 'length', usage: undefined } };
        return;
      }
    }
    yield { attempt, event };
  }
}

/** What a scorecard counts; the sentence may quote the operator and stays out of it. */
function reasonOf(error: unknown): Pick<FailedAttempt, 'reason'> {
  if (!(error instanceof OpenLedgerError)) return { reason: 'failed' };
  const { operatorStatus } = error.details;
  return { reason: operatorStatus === undefined ? error.code : String(operatorStatus) };
}

const outOfTime = (): OpenLedgerError =>
  new OpenLedgerError('unavailable', 'The money set aside for this call is not there any longer.');

/** What was handed over, our own count of it, and whose it is. */
type Delivered = {
  text: string;
  readonly toolCalls: ToolCall[];
  tokens: number;
  attempt: Attempt;
  readonly failures: FailedAttempt[];
};

function chargeFor({ delivery }: Call, delivered: Delivered, end: CallEnd): Charge {
  const { attempt, text, toolCalls, tokens: completionTokens } = delivered;
  const { promptTokens, atMost, pricing, generation } = attempt;
  return chargeOf(
    end,
    {
      ...{ text: outputText(text, toolCalls), delivery },
      own: {
        promptTokens: promptTokens ?? sumOf(promptTexts(generation).map(tokensAbout)),
        completionTokens,
      },
      isOwnExact: promptTokens !== undefined,
      atMost: {
        promptTokens: atMost.promptTokens,
        completionTokens: Math.min(atMost.completionTokens, answerAtMost(delivered)),
      },
    },
    pricing,
  );
}

/** A template puts something around each call, as it does around a message. */
const answerAtMost = ({ text, toolCalls }: Delivered): number =>
  tokensAtMost(text) +
  sumOf(toolCalls.map((call) => tokensAtMost(call.id + call.name + call.arguments)));

/** The reader has come back for more, so that what was handed to him has been forwarded. */
function noteProgress(call: Call, delivered: Delivered): void {
  if (call.delivery === 'whole') return; // nothing is forwarded before the end
  const charge = chargeFor(call, delivered, { kind: 'left' });
  if (charge.kind === 'usage') call.reservation.progress(charge.units, charge.usage);
}

type Settled = { readonly usage: Usage; readonly priceUnits: bigint };

const nothing: Settled = { usage: { promptTokens: 0, completionTokens: 0 }, priceUnits: 0n };

async function settle(
  { db, clock }: DeliverHandles,
  call: Call,
  { delivered, outcome }: { readonly delivered: Delivered; readonly outcome: Outcome },
): Promise<Settled> {
  const { inferenceId, reservation } = call;
  const end = outcome.kind === 'ended' ? { ...outcome, reported: outcome.usage } : outcome;
  const charge = chargeFor(call, delivered, end);
  if (charge.kind === 'nothing') {
    const { failures } = delivered;
    await outlast(() => db.transaction((tx) => recordVoid(tx, inferenceId, failures)));
    await reservation.void();
    return nothing;
  }
  const { usage, estimated, units: priceUnits } = charge;
  const servedAt = clock.now();
  const { text, toolCalls, attempt, failures } = delivered;
  const mayKeep = outcome.kind === 'ended' && !estimated && toolCalls.length === 0;
  const keepAs = mayKeep ? attempt.keepAs : undefined;
  const record = async (tx: Tx): Promise<Settled | undefined> => {
    const isServed = await recordServed(tx, {
      ...{ inferenceId, output: outputText(text, toolCalls), toolCalls },
      ...{ usage, estimated, priceUnits, servedAt, route: attempt.route, failures },
      finishReason: finishReasonOf(outcome),
    });
    if (!isServed) return findServed(tx, inferenceId);
    if (keepAs) await keepAnswer(tx, keepAs, { inferenceId, servedAt });
    return { usage, priceUnits };
  };
  const recorded = await outlast(() => db.transaction(record));
  if (recorded) reservation.capture(recorded.priceUnits);
  else await reservation.void(); // somebody else has ended it as void
  return recorded ?? nothing;
}

/** A call that has ended already: by us, when the database had no time to say so, or by somebody else. */
async function findServed(tx: Tx, inferenceId: string): Promise<Settled | undefined> {
  const { status, usage, priceUnits } = await findInference(tx, inferenceId);
  return status === 'served' ? { usage, priceUnits } : undefined;
}

function finishReasonOf(outcome: Outcome): string {
  if (outcome.kind === 'ended') return outcome.finishReason;
  return outcome.kind === 'left' ? 'disconnected' : 'operator_failed';
}
