/** Counts, times and logs every request, and tells its client where to look for it. Prompts, answers, paths and queries never. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Context, MiddlewareHandler } from 'hono';
import { Counter, Histogram, type Registry } from 'prom-client';
import { type CallFacts, type CallObservation, outcomeOf, overheadMs } from '../insights/index.ts';
import type { Fields, Log } from '../platform/log.ts';
import { addHeaders } from './answer-headers.ts';
import { openRecord, type RequestRecord, routeOf, watchOf } from './request-record.ts';

type ObserveHandles = {
  readonly log: Log;
  readonly observe: CallObservation | undefined;
  readonly registry: Registry | undefined;
};

export function observeRequests({ log, observe, registry }: ObserveHandles): MiddlewareHandler {
  const count = registry ? countedRequests(registry) : () => {};
  return async (c, next) => {
    const record = openRecord(c, observe);
    await next();
    const route = routeOf(c);
    if (c.error && isCall(c)) watchOf(c)?.ended({ kind: 'refused', error: c.error });
    count(c, route, performance.now() - record.startedAt);
    addHeaders(c, record);
    const { call } = record;
    if (!call || call.facts.end) log.info('http.request', fieldsOf(c, route, record));
    // A stream: what it came to is known when it ends.
    else call.whenEnded(() => log.info('http.request', fieldsOf(c, route, record)));
  };
}

/** What has become no call, and should have. */
const isCall = (c: Context): boolean =>
  c.req.method === 'POST' && c.req.path.startsWith('/v1/') && !c.get('record')?.call;

function countedRequests(registry: Registry) {
  const registers = [registry];
  const requests = new Counter({
    name: 'openledger_http_requests_total',
    help: 'HTTP requests by the template of their route.',
    ...{ labelNames: ['route', 'method', 'status'], registers },
  });
  const seconds = new Histogram({
    name: 'openledger_http_request_duration_seconds',
    help: 'Time until an answer begins.',
    ...{ labelNames: ['route'], buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10], registers },
  });
  return (c: Context, route: string, ms: number): void => {
    requests.inc({ route, method: methodOf(c), status: c.res.status });
    seconds.observe({ route }, ms / 1000);
  };
}

const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);
const methodOf = (c: Context): string => (METHODS.has(c.req.method) ? c.req.method : 'OTHER');

function fieldsOf(c: Context, route: string, record: RequestRecord): Fields {
  const { id, trace, startedAt, caller, call } = record;
  return {
    requestId: id,
    traceId: trace.traceId,
    method: methodOf(c),
    route,
    status: c.res.status,
    ms: Math.round(performance.now() - startedAt),
    requestBytes: Number(c.req.header('content-length')) || 0,
    keyId: caller?.keyId,
    partyId: caller?.partyId,
    error: c.error && (c.error instanceof OpenLedgerError ? c.error.code : 'internal'),
    ...(call && callFields(call.facts)),
  };
}

function callFields(facts: CallFacts): Fields {
  const { routed, opened, end, attempts, firstTextMs } = facts;
  const ended = end?.kind === 'served' || end?.kind === 'void' ? end : undefined;
  const served = end?.kind === 'served' ? end : undefined;
  return {
    inferenceId: opened?.inferenceId,
    cachedFrom: opened?.cachedFrom,
    model: routed?.model,
    operator: routed?.operator,
    outcome: end && outcomeOf(end),
    finishReason: ended?.finishReason,
    promptTokens: served?.usage.promptTokens,
    completionTokens: served?.usage.completionTokens,
    units: served?.priceUnits,
    attempts,
    firstTextMs: firstTextMs === undefined ? undefined : Math.round(firstTextMs),
    overheadMs: Math.round(overheadMs(facts) * 100) / 100,
  };
}
