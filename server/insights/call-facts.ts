/** What is known of one call by now; whoever counts, traces or logs reads it from here. */
import type { CallEnding, CallOrigin, OpenedCall, RoutedCall } from '../gateway/index.ts';
import type { TraceContext } from '../platform/trace-context.ts';

export type CallFacts = {
  readonly origin: CallOrigin;
  readonly trace: TraceContext;
  readonly routed: RoutedCall | undefined;
  readonly opened: OpenedCall | undefined;
  readonly end: CallEnding | undefined;
  /** How often operators were asked. */
  readonly attempts: number;
  /** Milliseconds since the request came: when an operator's text came first, when the call ended. */
  readonly firstTextMs: number | undefined;
  readonly endedMs: number | undefined;
  /** Milliseconds of waiting for operators, for however many at once: until now, and until that first text. */
  readonly waitedMs: number;
  readonly waitedForFirstMs: number;
};

/**
 * What the gateway itself took by now: of a stream until its first text, for later a client that reads slowly is not to be
 * told from a gateway that writes slowly.
 */
export function overheadMs(facts: CallFacts): number {
  const { origin, routed, firstTextMs, endedMs } = facts;
  if (routed?.delivery === 'streamed' && firstTextMs !== undefined) {
    return firstTextMs - facts.waitedForFirstMs;
  }
  return (endedMs ?? performance.now() - origin.startedAt) - facts.waitedMs;
}
