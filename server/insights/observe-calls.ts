/** Joins those who hear of calls: counts each, and traces it where a collector is named. */
import { type CallEnding, type CallOrigin, type CallWatch, codeOf } from '../gateway/index.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { newSpanId, traceHeaders, traceOf } from '../platform/trace-context.ts';
import type { Tracing } from '../platform/tracing.ts';
import type { CallFacts } from './call-facts.ts';
import { type CallMetrics, createCallMetrics } from './call-metrics.ts';
import { startCallSpan } from './call-spans.ts';

/** A watch that can be asked what it has heard. */
export type ObservedCall = CallWatch & {
  readonly facts: CallFacts;
  /** Calls back when the call ends. For one listener, and a call that has not ended yet. */
  whenEnded(tell: () => void): void;
};

/** A `CallObserver` whose watches can be asked. */
export type CallObservation = { started(origin: CallOrigin): ObservedCall };

type ObserveHandles = {
  readonly metrics: Metrics;
  readonly tracing: Tracing | undefined;
  readonly log: Log;
};

export function createCallObservation({ metrics, ...handles }: ObserveHandles): CallObservation {
  const counts = createCallMetrics(metrics.registry);
  return { started: (origin) => observe(origin, { ...handles, counts }) };
}

function observe(
  origin: CallOrigin,
  {
    counts,
    tracing,
    log,
  }: Omit<ObserveHandles, 'metrics'> & {
    readonly counts: CallMetrics;
  },
): ObservedCall {
  const facts = noFactsYet(origin);
  const span = tracing && startCallSpan(tracing, facts);
  let tellEnd: (() => void) | undefined;
  counts.started();
  return {
    facts,
    whenEnded(tell) {
      tellEnd = tell;
    },
    routed(call) {
      facts.routed = call;
    },
    opened(call) {
      facts.opened = call;
    },
    attempt(asked) {
      facts.attempts++;
      const traced = span?.attempt(asked);
      const sent = traced ?? { spanId: newSpanId(), sampled: facts.trace.sampled ?? false };
      return {
        headers: asked.baseUrl === undefined ? {} : traceHeaders(facts.trace, sent),
        waited(ms) {
          facts.waitedMs += ms;
        },
        firstText() {
          if (facts.firstTextMs !== undefined) return;
          facts.firstTextMs = performance.now() - origin.startedAt;
          facts.waitedForFirstMs = facts.waitedMs;
        },
        ended(end) {
          counts.attempted(asked.name, end.kind);
          traced?.end(end);
        },
      };
    },
    ended(end) {
      if (facts.end) return;
      facts.end = end;
      facts.endedMs = performance.now() - origin.startedAt;
      try {
        counts.ended(facts, outcomeOf(end));
        span?.end();
        tellEnd?.();
      } catch (error) {
        log.error('calls.unobserved', { error }); // the call itself has ended well, and must not hear of this
      }
    },
  };
}

/** served, replayed, void, lost, or refused with its code. */
export const outcomeOf = (end: CallEnding): string =>
  end.kind === 'refused' ? `refused:${codeOf(end.error)}` : end.kind;

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

const noFactsYet = (origin: CallOrigin): Writable<CallFacts> => ({
  origin,
  trace: origin.trace ?? traceOf(undefined, undefined),
  routed: undefined,
  opened: undefined,
  end: undefined,
  attempts: 0,
  firstTextMs: undefined,
  endedMs: undefined,
  waitedMs: 0,
  waitedForFirstMs: 0,
});
