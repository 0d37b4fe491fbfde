/**
 * The connection that a request came by, as Node has it: reading it directly costs a fraction of what the web's streams
 * cost. There is none where the app is asked without a server.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from 'hono';

type Connection = { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse };

const connectionOf = (c: Context): Connection | undefined => {
  const { incoming, outgoing } = (c.env ?? {}) as Partial<Connection>;
  return incoming && outgoing && { incoming, outgoing };
};

/** The body as it comes. */
export const bodyOf = (c: Context): AsyncIterable<Uint8Array> | undefined =>
  connectionOf(c)?.incoming.iterator({ destroyOnReturn: false }) ?? c.req.raw.body ?? undefined;

/** Aborts when the client leaves before it has been answered. */
export function signalOf(c: Context): AbortSignal {
  const connection = connectionOf(c);
  if (!connection) return c.req.raw.signal;
  const { outgoing } = connection;
  const left = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) left.abort(CLIENT_LEFT);
  });
  if (outgoing.destroyed) left.abort(CLIENT_LEFT);
  return left.signal;
}

/** Made once: an error of its own for each would cost more than the rest of an abort. */
const CLIENT_LEFT = new Error('The client has left.');
