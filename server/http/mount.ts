/** Mounts the table's operations: who asks, what is asked, what is answered. */
import { OpenLedgerError, type Operation, pathParameters } from '@openledger/protocol';
import type { Hono, Context as HonoContext } from 'hono';
import { type Authenticate, authorize } from './authorize.ts';
import { type BodyLimits, readJson, readLines } from './body.ts';
import type { Route } from './implement.ts';
import { jsonResponse } from './json-response.ts';
import { signalOf } from './node-connection.ts';
import { noteCaller } from './request-record.ts';

export function mountRoutes(
  app: Hono,
  {
    routes,
    authenticate,
    limits,
  }: {
    readonly routes: readonly Route[];
    readonly authenticate: Authenticate;
    readonly limits: BodyLimits;
  },
): void {
  for (const { operation, handle } of [...routes].sort(literalFirst)) {
    app.on(operation.method, operation.path, async (c) => {
      // The key is looked at before the body is: strangers do not make us read.
      const caller = await authorize(authenticate, c.req.header('authorization'), operation.scope);
      noteCaller(c, caller);
      const input = await readInput(c, operation, limits);
      const body = operation.body === 'ndjson' ? readLines(c, limits) : undefined;
      const output = await handle(input, { caller, body, signal: signalOf(c) });
      return jsonResponse(output, operation.status);
    });
  }
}

/** `/snapshots/latest` is asked before `/snapshots/:snapshotId` would take it for an id. */
const literalFirst = (a: Route, b: Route): number =>
  rank(a.operation.path) < rank(b.operation.path) ? -1 : 1;

const rank = (path: string): string => path.replaceAll(':', '\uffff');

/** Path parameters, and beside them the query (GET, DELETE, NDJSON) or the JSON body. */
async function readInput(
  c: HonoContext,
  operation: Operation,
  limits: BodyLimits,
): Promise<Record<string, unknown>> {
  const fromPath = Object.fromEntries(
    pathParameters(operation.path).map((name) => [name, c.req.param(name)]),
  );
  const takesJson = operation.method === 'POST' && operation.body === undefined;
  const rest = takesJson ? await readJson(c, limits) : readQuery(c);
  const twice = Object.keys(fromPath).find((name) => Object.hasOwn(rest, name));
  if (twice !== undefined) {
    throw new OpenLedgerError(
      'invalid_input',
      `${twice} is part of the path and stands there only.`,
    );
  }
  return { ...rest, ...fromPath };
}

/** A name given several times is a list. */
const readQuery = (c: HonoContext): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(c.req.queries()).map(([name, values]) => [
      name,
      values.length === 1 ? values[0] : values,
    ]),
  );
