/**
 * Hands an operator's answer on while it comes, and settles once, however it ends: for all of it, for the part that was
 * handed over, or for nothing.
 */
import { type Id, OpenLedgerError, outputText, type ToolCall } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { CacheKey } from './cache.ts';
import type { CallRecord } from './call-record.ts';
import { type CallEnd, type Charge, chargeOf, type Delivery } from './charge.ts';
import { promptTokensAbout } from './context.ts';
import type { FailedAttempt, InferenceRoute } from './inferences.ts';
import type { Reservation } from './money.ts';
import { noteAttempts } from './note-attempts.ts';
import { type AskedOperator, askWatched, type CallWatch } from './observer.ts';
import {
  addPiece,
  type ContentEvent,
  type FinishReason,
  type Generation,
  type Operator,
  type OperatorEvent,
} from './operators/operator.ts';
import { type CountTokens, countExactly } from './own-count.ts';
import {
  exactly,
  guessed,
  type Own,
  type Pricing,
  sumOf,
  tokensAtMost,
  type Usage,
} from './price.ts';
import {
  attemptInTurn,
  type Heard,
  type InOrder,
  type Patience,
  type Turns,
} from './routing/attempt-in-turn.ts';
import type { Candidate } from './routing/plan.ts';
import type { Standings } from './routing/standings.ts';

export type ServedEvent =
  | ContentEvent
  | {
      readonly kind: 'end';
      readonly finishReason: FinishReason;
      /** Where the operator says so. */
      readonly stopSequence?: string | undefined;
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
  /** Who that is, for whoever watches. */
  readonly asked: AskedOperator | undefined;
  readonly generation: Omit<Generation, 'signal' | 'stream'>;
  readonly route: InferenceRoute;
  readonly pricing: Pricing;
  /** As the operator itself will count; undefined when it is not ours. */
  readonly promptTokens: number | undefined;
  /** By the model's own tokenizer, where that is known here though the operator is not ours: asked when the call has ended. */
  readonly count?: CountTokens | undefined;
  readonly atMost: Usage;
  /** Under which its answer may be given again; undefined when it may not. */
  readonly keepAs: CacheKey | undefined;
};

/** Our own count: exact where the tokenizer is ours, about that elsewhere. */
export const promptTokensOf = ({
  promptTokens,
  generation,
}: Pick<Attempt, 'promptTokens' | 'generation'>): number =>
  promptTokens ?? promptTokensAbout(generation);

/** A call whose money is set aside. */
export type Call = {
  readonly inferenceId: Id<'inference'>;
  readonly delivery: Delivery;
  readonly asked: InOrder<Attempt>;
  readonly hedgeAfterMs: number | undefined;
  readonly watch: CallWatch;
  readonly reservation: Reservation;
  readonly record: CallRecord;
};

export type DeliverHandles = {
  readonly clock: Clock;
  readonly standings: Standings;
  readonly patience: Patience;
};

type Outcome =
  | (Omit<Extract<OperatorEvent, { kind: 'end' }>, 'kind'> & { readonly kind: 'ended' })
  | { readonly kind: 'left' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Made once: an error of its own for each would cost more than the rest of an abort. */
const OVER = new Error('The call is over.');

/** @param limitMs when an operator that still answers is stopped */
export function deliver(handles: DeliverHandles, call: Call, limitMs: number): Delivering {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(OVER), limitMs).unref();
  const delivered: Delivered = {
    ...{ text: '', toolCalls: [], tokens: 0, failures: [] },
    attempt: call.asked[0].attempt,
  };
  let hasLeft = false;
  let settled: Promise<Settled> | undefined;
  const settleOnce = (outcome: Outcome): Promise<Settled> => {
    clearTimeout(timer);
    settled ??= watched(call.watch, outcome, settle(handles, call, { delivered, outcome }));
    return settled;
  };

  async function* read(): AsyncGenerator<ServedEvent, void, void> {
    const ready = call.delivery === 'streamed' ? readyFor(call) : undefined;
    let outcome: Outcome = { kind: 'left' }; // what remains true when the reader returns out of the loop
    try {
      for await (const heard of attemptInTurn(turnsOf(handles, call, { delivered, stop }))) {
        const { attempt } = heard;
        const event = withinLimit(heard, delivered);
        delivered.attempt = attempt;
        if (event.kind === 'end') {
          outcome = { ...event, kind: 'ended' };
          break;
        }
        await ready;
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
      if (outcome.kind !== 'ended') stop.abort(OVER);
      await settleOnce(hasLeft && call.delivery === 'whole' ? { kind: 'left' } : outcome);
    }
    if (outcome.kind === 'failed') throw outcome.error;
    if (outcome.kind === 'ended') {
      const { finishReason, stopSequence } = outcome;
      yield { kind: 'end', finishReason, stopSequence, ...(await settleOnce(outcome)) };
    }
  }

  const events = read();
  return {
    events,
    answering: () => delivered.attempt,
    async leave() {
      hasLeft = true;
      stop.abort(OVER);
      await events.return();
      await settleOnce({ kind: 'left' });
    },
  };
}

/** All that must have happened before the first byte goes out. It happens while the operator is asked. */
function readyFor({ record, reservation }: Call): Promise<unknown> {
  const ready = Promise.all([record.opened(), reservation.durable()]);
  ready.catch(() => {}); // whoever waits for it is told
  return ready;
}

/** One that writes more than it was asked for is stopped there. */
const withinLimit = (
  { attempt, event }: Heard<Attempt, OperatorEvent>,
  { tokens }: Delivered,
): OperatorEvent =>
  event.kind !== 'end' && tokens + event.tokens > attempt.generation.maxTokens
    ? { kind: 'end', finishReason: 'length', usage: undefined }
    : event;

/** Whom to ask, how long to wait, and who is told of it. */
const turnsOf = (
  { standings, patience }: DeliverHandles,
  { asked, hedgeAfterMs, delivery, watch }: Call,
  { delivered, stop }: { readonly delivered: Delivered; readonly stop: AbortController },
): Turns<Attempt, OperatorEvent> => ({
  ...{ asked, patience, hedgeAfterMs, signal: stop.signal },
  ...noteAttempts(standings, delivered.failures),
  isWhole: delivery === 'whole',
  ask(attempt, signal) {
    const { operator, asked: who } = attempt;
    const generation = { ...attempt.generation, stream: delivery === 'streamed', signal };
    return who
      ? askWatched((headers) => operator.generate({ ...generation, headers }), {
          ...{ watch, asked: who, signal },
        })
      : operator.generate(generation);
  },
});

export const outOfTime = (): OpenLedgerError =>
  new OpenLedgerError('unavailable', 'The money set aside for this call is not there any longer.');

/** What was handed over, our own count of it, and whose it is. */
type Delivered = {
  text: string;
  readonly toolCalls: ToolCall[];
  tokens: number;
  attempt: Attempt;
  readonly failures: FailedAttempt[];
};

/** Our count while the answer comes. */
function countedAlong({ attempt, tokens: completionTokens }: Delivered): Own {
  const usage = { promptTokens: promptTokensOf(attempt), completionTokens };
  return attempt.promptTokens === undefined ? guessed(usage) : exactly(usage);
}

function chargeFor(
  { delivery }: Call,
  delivered: Delivered,
  { end, own }: { readonly end: CallEnd; readonly own: Own },
): Charge {
  const { attempt, text, toolCalls } = delivered;
  const { atMost, pricing } = attempt;
  return chargeOf(
    end,
    {
      ...{ text: outputText(text, toolCalls), delivery },
      own,
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
  const charge = chargeFor(call, delivered, {
    end: { kind: 'left' },
    own: countedAlong(delivered),
  });
  if (charge.kind === 'usage') call.reservation.progress(charge.units, charge.usage);
}

export type Settled = { readonly usage: Usage; readonly priceUnits: bigint };

export const nothing: Settled = { usage: { promptTokens: 0, completionTokens: 0 }, priceUnits: 0n };

async function settle(
  { clock }: DeliverHandles,
  call: Call,
  { delivered, outcome }: { readonly delivered: Delivered; readonly outcome: Outcome },
): Promise<Settled> {
  const { inferenceId, record } = call;
  const end = outcome.kind === 'ended' ? { ...outcome, reported: outcome.usage } : outcome;
  const { text, toolCalls, attempt, failures } = delivered;
  const { count, generation } = attempt;
  const along = countedAlong(delivered);
  const own =
    count && text !== '' ? await countExactly({ count, generation }, delivered, along) : along;
  const charge = chargeFor(call, delivered, { end, own });
  const finishReason = finishReasonOf(outcome);
  if (charge.kind === 'nothing') {
    await record.void({ finishReason, failures });
    return nothing;
  }
  const { usage, estimated, overstated, units: priceUnits } = charge;
  const mayKeep = outcome.kind === 'ended' && !estimated && toolCalls.length === 0;
  const served = {
    ...{
      inferenceId,
      output: outputText(text, toolCalls),
      toolCalls,
      usage,
      estimated,
      overstated,
      priceUnits,
    },
    ...{ servedAt: clock.now(), route: attempt.route, failures, finishReason },
  };
  const keepAs = mayKeep ? attempt.keepAs : undefined;
  return settledAs(await record.serve(served, keepAs));
}

/** What stands on record is what is paid. */
export const settledAs = (recorded: Settled | undefined): Settled =>
  recorded ? { usage: recorded.usage, priceUnits: recorded.priceUnits } : nothing;

/** Whoever watches the call hears how it ended once that is on record. */
export async function watched(
  watch: CallWatch,
  outcome: Outcome,
  settling: Promise<Settled>,
): Promise<Settled> {
  const finishReason = finishReasonOf(outcome);
  try {
    const settled = await settling;
    if (settled === nothing) watch.ended({ kind: 'void', finishReason });
    else watch.ended({ kind: 'served', finishReason, ...settled });
    return settled;
  } catch (error) {
    watch.ended({ kind: 'lost', error });
    throw error;
  }
}

export function finishReasonOf(outcome: Outcome): string {
  if (outcome.kind === 'ended') return outcome.finishReason;
  return outcome.kind === 'left' ? 'disconnected' : 'operator_failed';
}
