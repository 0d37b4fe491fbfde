/** Joins those who hear of calls: counts each, and traces it where a collector is named. */
import { type CallEnding, type CallOrigin, type CallWatch, codeOf } from '../gateway/index.ts';
import type { Metrics } from '../platform/metrics.ts';
import { newSpanId, traceHeaders, traceOf } from '../platform/trace-context.ts';
import type { Tracing } from '../platform/tracing.ts';
import type { CallFacts } from './call-facts.ts';
import { type CallMetrics, createCallMetrics } from './call-metrics.ts';
import { startCallSpan } from './call-spans.ts';

/** A watch that can be asked what it has heard. */
export type ObservedCall = CallWatch & {
  readonly facts: CallFacts;
  readonly hasEnded: boolean;
  /** Calls back when the call ends. For one listener, and a call that has not ended yet. */
  whenEnded(tell: () => void): void;
};

/** A `CallObserver` whose watches can be asked. */
export type CallObservation = { started(origin: CallOrigin): ObservedCall };

type ObserveHandles = { readonly metrics: Metrics; readonly tracing: Tracing | undefined };

export function createCallObservation({ metrics, tracing }: ObserveHandles): CallObservation {
  const counts = createCallMetrics(metrics.registry);
  return { started: (origin) => observe(origin, counts, tracing) };
}

function observe(
  origin: CallOrigin,
  counts: CallMetrics,
  tracing: Tracing | undefined,
): ObservedCall {
  const facts = noFactsYet(origin);
  const span = tracing && startCallSpan(tracing, facts);
  let tellEnd = () => {};
  counts.started();
  return {
    facts,
    get hasEnded() {
      return facts.end !== undefined;
    },
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
          facts.firstTextMs ??= performance.now() - origin.startedAt;
          facts.waitedForFirstMs ??= facts.waitedMs;
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
      counts.ended(facts, outcomeOf(end));
      span?.end();
      tellEnd();
    },
  };
}

/** served, void, lost, or refused with its code. */
export const outcomeOf = (end: CallEnding): string =>
  end.kind === 'refused' ? `refused:${codeOf(end.error)}` : end.kind;

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

function noFactsYet(origin: CallOrigin): Writable<CallFacts> & { waitedForFirstMs?: number } {
  return {
    origin,
    trace: origin.trace ?? traceOf(undefined, undefined),
    ...{ routed: undefined, opened: undefined, end: undefined },
    ...{ attempts: 0, firstTextMs: undefined, waitedForFirstMs: undefined },
    ...{ endedMs: 0, waitedMs: 0 },
    get overheadMs() {
      const { routed, firstTextMs, waitedForFirstMs } = this;
      if (routed?.delivery === 'streamed' && firstTextMs !== undefined) {
        return firstTextMs - (waitedForFirstMs ?? 0);
      }
      return (this.endedMs || performance.now() - origin.startedAt) - this.waitedMs;
    },
  };
}
