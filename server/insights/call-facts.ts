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
  readonly endedMs: number;
  /** Waiting for operators, until now. */
  readonly waitedMs: number;
  /** The rest of the time until now: of streams until the first text. */
  readonly overheadMs: number;
};
