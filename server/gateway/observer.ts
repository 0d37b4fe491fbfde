/**
 * What is told of calls while they run, to whoever counts or traces them. The gateway knows neither Prometheus nor
 * OpenTelemetry; whoever watches neither throws nor makes a call wait. Texts, keys and what a client called a model that
 * nobody registered are never told.
 */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Caller } from '../identity/index.ts';
import type { TraceContext } from '../platform/trace-context.ts';
import type { Delivery } from './charge.ts';
import type {
  EmbeddingEvent,
  FinishReason,
  OperatorEvent,
  OperatorKind,
} from './operators/operator.ts';
import type { Usage } from './price.ts';

export type CallObserver = {
  /** Somebody asks for an answer. Each call that is started is ended, once. */
  started(origin: CallOrigin): CallWatch;
};

export type CallOrigin = {
  /** Which door it came by: a route's template, never a path. */
  readonly surface: string;
  readonly trace: TraceContext | undefined;
  /** By `performance.now()`. */
  readonly startedAt: number;
};

export type CallWatch = {
  /** The model is known, and who would answer; whether it may be, and be paid, is not. */
  routed(call: RoutedCall): void;
  /** Money is set aside. */
  opened(call: OpenedCall): void;
  /** An operator is asked. */
  attempt(asked: AskedOperator): AttemptWatch;
  ended(end: CallEnding): void;
};

export type RoutedCall = {
  readonly caller: Pick<Caller, 'keyId' | 'partyId'>;
  readonly operation: 'chat' | 'completion' | 'embedding';
  readonly delivery: Delivery;
  /** Names of the registry. */
  readonly model: string;
  readonly operator: string;
};

export type OpenedCall = {
  readonly inferenceId: Id<'inference'>;
  /** Undefined: nothing is written. */
  readonly maxTokens: number | undefined;
  /** The call whose answer is given again. */
  readonly cachedFrom: Id<'inference'> | undefined;
};

export type AskedOperator = {
  readonly name: string;
  readonly kind: OperatorKind;
  /** Undefined: it runs here. */
  readonly baseUrl: string | undefined;
  /** Its own name of the model. */
  readonly model: string;
};

export type AttemptWatch = {
  /** Headers by which a remote operator joins the trace. */
  readonly headers: Readonly<Record<string, string>>;
  /** So long we waited for it, once more. */
  waited(ms: number): void;
  /** It has sent text for the first time. */
  firstText(): void;
  ended(end: AttemptEnding): void;
};

export type AttemptEnding =
  | {
      readonly kind: 'ended';
      readonly finishReason: FinishReason;
      readonly usage: Usage | undefined;
    }
  /** By us: the client has left, or it had said enough. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly error: unknown };

export type CallEnding =
  | {
      readonly kind: 'served';
      /** As recorded. */
      readonly finishReason: string;
      readonly usage: Usage;
      readonly priceUnits: bigint;
    }
  /** It was served before, under the same idempotency key, and is told of again. */
  | { readonly kind: 'replayed'; readonly finishReason: string }
  /** It was under way, and cost nothing. */
  | { readonly kind: 'void'; readonly finishReason: string }
  /** Nothing was asked of anybody. */
  | { readonly kind: 'refused'; readonly error: unknown }
  /** Its end could not be recorded; recovery will end it. */
  | { readonly kind: 'lost'; readonly error: unknown };

const silentAttempt: AttemptWatch = {
  headers: {},
  waited() {},
  firstText() {},
  ended() {},
};

export const silentWatch: CallWatch = {
  routed() {},
  opened() {},
  attempt: () => silentAttempt,
  ended() {},
};

export const silentObserver: CallObserver = { started: () => silentWatch };

/** What a call's end is called where only codes are told. */
export const codeOf = (error: unknown): string =>
  error instanceof OpenLedgerError ? error.code : 'internal';

type Watchable = { readonly watch?: CallWatch };

/** Opens a call under the watch that it came with, or else a new one; one that cannot be opened is told as refused. */
export async function openWatched<Call extends Watchable, Opened>(
  observer: CallObserver,
  call: Call,
  open: (call: Call & { readonly watch: CallWatch }) => Promise<Opened>,
): Promise<Opened> {
  const startedAt = performance.now();
  const watch =
    call.watch ?? observer.started({ surface: 'internal', trace: undefined, startedAt });
  try {
    return await open({ ...call, watch });
  } catch (error) {
    watch.ended({ kind: 'refused', error });
    throw error;
  }
}

/** What an operator says, and whoever watches hears how it goes. @param ask takes headers for the operator */
export async function* askWatched<E extends OperatorEvent | EmbeddingEvent>(
  ask: (headers: AttemptWatch['headers']) => AsyncIterable<E>,
  {
    watch,
    asked,
    signal,
  }: {
    readonly watch: CallWatch;
    readonly asked: AskedOperator;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<E, void, void> {
  const attempt = watch.attempt(asked);
  const events = ask(attempt.headers)[Symbol.asyncIterator]();
  let end: AttemptEnding | undefined;
  let hasText = false;
  let askedAt = 0;
  try {
    for (;;) {
      askedAt = performance.now();
      const { value: event, done } = await events.next();
      attempt.waited(performance.now() - askedAt);
      if (done) {
        end ??= { kind: 'failed', error: brokenOff };
        return;
      }
      if (event.kind === 'end') end = { ...event, kind: 'ended' };
      else if (event.kind !== 'vectors' && !hasText) {
        hasText = true;
        attempt.firstText();
      }
      yield event;
    }
  } catch (error) {
    attempt.waited(performance.now() - askedAt);
    end = endOf(error, signal);
    throw error;
  } finally {
    attempt.ended(end ?? { kind: 'stopped' });
    await events.return?.();
  }
}

/** One that was stopped for being late has failed, and says why; one that nobody wants any more has not. */
function endOf(error: unknown, { aborted, reason }: AbortSignal): AttemptEnding | undefined {
  if (!aborted) return { kind: 'failed', error };
  return reason instanceof OpenLedgerError ? { kind: 'failed', error: reason } : undefined;
}

/** For whoever watches; it is thrown where the missing end is noticed. */
const brokenOff = new OpenLedgerError('operator_failed', 'The operator broke off.');
