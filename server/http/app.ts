/**
 * The HTTP surface: the table's operations under `/api`, whatever is mounted beside them, and the console at `/`.
 *
 * Keys and scopes, body limits, errors and headers are seen to here, once, for all of them.
 */
import { api, OpenLedgerError } from '@openledger/protocol';
import { type Context, Hono } from 'hono';
import type { Registry } from 'prom-client';
import type { CallObservation } from '../insights/index.ts';
import type { Log } from '../platform/log.ts';
import type { Authenticate } from './authorize.ts';
import { type BodyLimits, defaultLimits } from './body.ts';
import { errorResponse } from './error-response.ts';
import type { Route } from './implement.ts';
import { jsonResponse } from './json-response.ts';
import { mountRoutes } from './mount.ts';
import { observeRequests } from './observe-requests.ts';
import { openApi } from './openapi.ts';
import { staticFile } from './static-files.ts';

export type HttpParts = {
  readonly routes: readonly Route[];
  readonly authenticate: Authenticate;
  readonly log: Log;
  /** Other surfaces, such as `/v1`. They may set an `onError` of their own; ours catches what they do not. */
  readonly mount?: (app: Hono) => void;
  /** Prometheus text for `/metrics`. */
  readonly metrics?: () => Promise<string>;
  /** Where requests are counted. */
  readonly registry?: Registry;
  /** Who is told of the calls that requests become. */
  readonly observe?: CallObservation;
  /** Rejects when the process cannot serve; `/healthz` then says 503. */
  readonly checkHealth?: () => Promise<unknown>;
  /** Folder of the built console. */
  readonly consoleFolder?: string;
  readonly limits?: Partial<BodyLimits>;
};

/** The whole surface, as a thing that answers requests. */
export type Http = Hono;

export function createHttp(parts: HttpParts): Http {
  const { log, metrics, consoleFolder, observe, registry } = parts;
  const app = new Hono();
  const idOf = (c: Context) => c.get('record')?.id ?? 'none';

  app.use(observeRequests({ log, observe, registry }));
  app.onError((error, c) => errorResponse(error, log, idOf(c)));
  app.notFound((c) => {
    const { method, path } = c.req;
    const error = new OpenLedgerError('not_found', `There is no ${method} ${path}.`, {
      method,
      path,
    });
    return errorResponse(error, log, idOf(c));
  });

  const limits = { ...defaultLimits, ...parts.limits };
  mountRoutes(app, { routes: parts.routes, authenticate: parts.authenticate, limits });
  parts.mount?.(app);

  const document = openApi(api);
  app.get('/api/openapi.json', () => jsonResponse(document));
  app.get('/healthz', () => health(parts.checkHealth));
  if (metrics) {
    const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };
    app.get('/metrics', async (c) => c.body(await metrics(), 200, headers));
  }
  if (consoleFolder) {
    app.get('*', async (c) => (await staticFile(consoleFolder, c.req.path)) ?? c.notFound());
  }
  return app;
}

async function health(check: HttpParts['checkHealth']): Promise<Response> {
  try {
    await check?.();
    return jsonResponse({ status: 'ok' });
  } catch (cause) {
    throw new OpenLedgerError('unavailable', 'The server cannot serve now.', {}, { cause });
  }
}
