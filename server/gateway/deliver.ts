/**
 * Hands an operator's answer on while it comes, and settles once, however it ends: for all of it, for the part that was
 * handed over, or for nothing.
 */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import { type CacheKey, keepAnswer } from './cache.ts';
import { type CallEnd, type Charge, chargeOf, type Delivery } from './charge.ts';
import { promptTexts } from './context.ts';
import { recordServed, recordVoid } from './inferences.ts';
import type { Reservation } from './money.ts';
import type { CallWatch } from './observer.ts';
import type { FinishReason, Generation, Operator, OperatorEvent } from './operators/operator.ts';
import { type Pricing, sumOf, tokensAbout, tokensAtMost, type Usage } from './price.ts';

export type ServedEvent =
  | Extract<OperatorEvent, { kind: 'text' }>
  | {
      readonly kind: 'end';
      readonly finishReason: FinishReason;
      readonly usage: Usage;
      readonly priceUnits: bigint;
    };

export type Delivering = {
  /** Drives the operator: it is asked when the first event is. For one reader. */
  readonly events: AsyncGenerator<ServedEvent, void, void>;
  /** The client has gone: stops the operator and settles. Safe at any time, also before the first event. */
  leave(): Promise<void>;
};

/** A call whose money is set aside. */
export type Call = {
  readonly inferenceId: Id<'inference'>;
  readonly operator: Pick<Operator, 'generate'>;
  readonly generation: Omit<Generation, 'signal'>;
  readonly delivery: Delivery;
  readonly pricing: Pricing;
  /** By the model's own tokenizer; undefined when that is not ours. */
  readonly promptTokens: number | undefined;
  readonly atMost: Usage;
  readonly reservation: Reservation;
  /** Under which its answer may be given again; undefined when it may not. */
  readonly keepAs: CacheKey | undefined;
  readonly watch: CallWatch;
};

type DeliverHandles = {
  readonly db: Db;
  readonly clock: Clock;
};

type Outcome =
  | (Omit<Extract<OperatorEvent, { kind: 'end' }>, 'kind'> & { readonly kind: 'ended' })
  | { readonly kind: 'left' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** @param limitMs when an operator that still answers is stopped */
export function deliver(handles: DeliverHandles, call: Call, limitMs: number): Delivering {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), limitMs).unref();
  const delivered = {
    ...{ text: '', tokens: 0 },
    promptTokens: call.promptTokens ?? sumOf(promptTexts(call.generation).map(tokensAbout)),
  };
  let hasLeft = false;
  let settled: Promise<Settled> | undefined;
  const settleOnce = (outcome: Outcome): Promise<Settled> => {
    clearTimeout(timer);
    settled ??= watched(call.watch, outcome, settle(handles, call, { delivered, outcome }));
    return settled;
  };

  async function* read(): AsyncGenerator<ServedEvent, void, void> {
    let outcome: Outcome = { kind: 'left' }; // what remains true when the reader returns out of the loop
    try {
      for await (const event of heard(call, stop.signal)) {
        if (event.kind === 'end') {
          outcome = { ...event, kind: 'ended' };
          break;
        }
        await call.reservation.durable();
        if (!call.reservation.isOpen()) throw outOfTime();
        // Counted before it is handed over: a reader who leaves right after it has received it.
        delivered.text += event.text;
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
    async leave() {
      hasLeft = true;
      stop.abort();
      await events.return();
      await settleOnce({ kind: 'left' });
    },
  };
}

/** The operator's events up to its end. One that writes more than it was asked for is stopped there. */
async function* heard(
  { operator, generation }: Call,
  signal: AbortSignal,
): AsyncGenerator<OperatorEvent, void, void> {
  let tokens = 0;
  for await (const event of operator.generate({ ...generation, signal })) {
    if (event.kind === 'text') {
      tokens += event.tokens;
      if (tokens > generation.maxTokens) {
        yield { kind: 'end', finishReason: 'length', usage: undefined };
        return;
      }
    }
    yield event;
  }
  throw new OpenLedgerError('operator_failed', 'The operator broke off.');
}

const outOfTime = (): OpenLedgerError =>
  new OpenLedgerError('unavailable', 'The money set aside for this call is not there any longer.');

/** What was handed over, and our own count of it and of the prompt. */
type Text = { readonly text: string; readonly tokens: number; readonly promptTokens: number };

const chargeFor = (call: Call, delivered: Text, end: CallEnd): Charge =>
  chargeOf(
    end,
    {
      ...{ text: delivered.text, delivery: call.delivery },
      own: { promptTokens: delivered.promptTokens, completionTokens: delivered.tokens },
      isOwnExact: call.promptTokens !== undefined,
      atMost: {
        promptTokens: call.atMost.promptTokens,
        completionTokens: Math.min(call.atMost.completionTokens, tokensAtMost(delivered.text)),
      },
    },
    call.pricing,
  );

/** The reader has come back for more, so that what was handed to him has been forwarded. */
function noteProgress(call: Call, delivered: Text): void {
  if (call.delivery === 'whole') return; // nothing is forwarded before the end
  const charge = chargeFor(call, delivered, { kind: 'left' });
  if (charge.kind === 'usage') call.reservation.progress(charge.units, charge.usage);
}

type Settled = { readonly usage: Usage; readonly priceUnits: bigint };

const nothing: Settled = { usage: { promptTokens: 0, completionTokens: 0 }, priceUnits: 0n };

async function settle(
  { db, clock }: DeliverHandles,
  call: Call,
  { delivered, outcome }: { readonly delivered: Text; readonly outcome: Outcome },
): Promise<Settled> {
  const { inferenceId, reservation } = call;
  const end = outcome.kind === 'ended' ? { ...outcome, reported: outcome.usage } : outcome;
  const charge = chargeFor(call, delivered, end);
  if (charge.kind === 'nothing') {
    await db.transaction((tx) => recordVoid(tx, inferenceId, finishReasonOf(outcome)));
    await reservation.void();
    return nothing;
  }
  const { usage, estimated, units: priceUnits } = charge;
  const servedAt = clock.now();
  const keepAs = outcome.kind === 'ended' && !estimated ? call.keepAs : undefined;
  const isRecorded = await db.transaction(async (tx) => {
    const isServed = await recordServed(tx, {
      ...{ inferenceId, output: delivered.text, usage, estimated, priceUnits, servedAt },
      finishReason: finishReasonOf(outcome),
    });
    if (isServed && keepAs) await keepAnswer(tx, keepAs, { inferenceId, servedAt });
    return isServed;
  });
  if (isRecorded) reservation.capture(priceUnits);
  else await reservation.void(); // somebody else has ended it as void
  return isRecorded ? { usage, priceUnits } : nothing;
}

/** Whoever watches the call hears how it ended once that is on record. */
async function watched(
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

function finishReasonOf(outcome: Outcome): string {
  if (outcome.kind === 'ended') return outcome.finishReason;
  return outcome.kind === 'left' ? 'disconnected' : 'operator_failed';
}
