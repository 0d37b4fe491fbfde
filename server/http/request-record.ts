/** What is known of a request while it is answered: its id, its trace, who asks, and the call that it became. */
import type { Context } from 'hono';
import { routePath } from 'hono/route';
import type { Caller } from '../identity/index.ts';
import type { CallObservation, ObservedCall } from '../insights/index.ts';
import { randomHex } from '../platform/random-hex.ts';
import { type TraceContext, traceOf } from '../platform/trace-context.ts';

export type RequestRecord = {
  readonly id: string;
  readonly trace: TraceContext;
  /** By `performance.now()`. */
  readonly startedAt: number;
  readonly observe: CallObservation | undefined;
  caller: Pick<Caller, 'keyId' | 'partyId'> | undefined;
  call: ObservedCall | undefined;
  /** Its answer has brought the headers that every answer has. */
  isTold: boolean;
};

declare module 'hono' {
  interface ContextVariableMap {
    record: RequestRecord | undefined;
  }
}

export function openRecord(c: Context, observe: CallObservation | undefined): RequestRecord {
  const record: RequestRecord = {
    id: `req_${randomHex(12)}`,
    trace: traceOf(c.req.header('traceparent'), c.req.header('tracestate')),
    startedAt: performance.now(),
    ...{ observe, caller: undefined, call: undefined, isTold: false },
  };
  c.set('record', record);
  return record;
}

/** For the log: who asks, once that is known. */
export function noteCaller(c: Context, caller: RequestRecord['caller']): void {
  const record = c.get('record');
  if (record) record.caller = caller;
}

/** The watch of the call that this request makes; undefined where nobody observes. */
export function watchOf(c: Context): ObservedCall | undefined {
  const record = c.get('record');
  if (!record) return undefined;
  const { trace, startedAt, observe } = record;
  record.call ??= observe?.started({ surface: routeOf(c), trace, startedAt });
  return record.call;
}

/** The template of the route that answers, so that nothing a client wrote stands in it. */
export function routeOf(c: Context): string {
  const path = routePath(c);
  if (path !== '*' && path !== '/*') return path;
  return c.res.status === 404 ? 'unmatched' : 'console';
}
