/**
 * Which trace a request belongs to, as it travels in headers. Source: W3C Recommendation "Trace Context" (level 1, 2021).
 *
 * What is malformed starts a new trace: nothing that a stranger sends is repaired, logged or sent on.
 */
import { randomHex } from './random-hex.ts';

export type TraceContext = {
  /** 32 hexadecimal digits, not all 0. */
  readonly traceId: string;
  /** The span that asked us, 16 hexadecimal digits; undefined where the trace begins here. */
  readonly parentId: string | undefined;
  /** Whether whoever began the trace may have recorded it; undefined where the trace begins here. */
  readonly sampled: boolean | undefined;
  /** What other tracers keep in `tracestate`: sent on as it came. */
  readonly state: string | undefined;
};

/** The trace that a request says it belongs to, else a new one. */
export function traceOf(
  traceparent: string | undefined,
  tracestate: string | undefined,
): TraceContext {
  const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  if (!parent) {
    return { traceId: randomId(16), parentId: undefined, sampled: undefined, state: undefined };
  }
  const state = tracestate !== undefined && isTracestate(tracestate) ? tracestate : undefined;
  return { ...parent, state };
}

/** version, trace, parent, flags; and behind them whatever a later version may add. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

function parseTraceparent(header: string): Omit<TraceContext, 'state'> | undefined {
  const [, version, traceId, parentId, flags, more] = TRACEPARENT.exec(header) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

const MAX_STATE_MEMBERS = 32;
const KEY = '(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})';
const VALUE = '[\\x20-\\x2b\\x2d-\\x3c\\x3e-\\x7e]{0,255}[\\x21-\\x2b\\x2d-\\x3c\\x3e-\\x7e]';
const MEMBER = new RegExp(`^${KEY}=${VALUE}$`);

/** A list of at most 32 members `key=value`, some of which may be empty, and at least one is not. */
function isTracestate(header: string): boolean {
  const members = header
    .split(',')
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '');
  return (
    members.length > 0 &&
    members.length <= MAX_STATE_MEMBERS &&
    members.every((member) => MEMBER.test(member))
  );
}

/** How whom we ask is told which of our spans asks. */
export function traceHeaders(
  { traceId, state }: Pick<TraceContext, 'traceId' | 'state'>,
  { spanId, sampled }: { readonly spanId: string; readonly sampled: boolean },
): Readonly<Record<string, string>> {
  const traceparent = `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
  return state === undefined ? { traceparent } : { traceparent, tracestate: state };
}

export const newSpanId = (): string => randomId(8);

/** An id of zeros is none. */
function randomId(bytes: number): string {
  const hex = randomHex(bytes);
  return /^0+$/.test(hex) ? randomId(bytes) : hex;
}
