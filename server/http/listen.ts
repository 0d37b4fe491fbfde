/** Puts the app on a port. */
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import type { Hono } from 'hono';

export type Listening = {
  readonly url: string;
  /** Takes nobody new, lets open answers end, and after that time hangs up. */
  readonly close: (drainMs?: number) => Promise<void>;
};

/** An upload may take as long as it takes to read a large tree; its headers may not. */
const REQUEST_TIMEOUT_MS = 6 * 60 * 60_000;

/**
 * A client that is busy for a while, verifying what it fetched, must find its idle connections open when it comes back; Node
 * would hang up after 5 seconds, and the next request would meet a closed door.
 */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/** @param port 0 = any free one @throws what Node says when the port is taken */
export function listen(
  app: Pick<Hono, 'fetch'>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = serve({
      fetch: app.fetch,
      hostname: host,
      port,
      serverOptions: {
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      },
    });
    server.once('error', reject);
    server.once('listening', () => {
      const { port: chosen } = server.address() as AddressInfo;
      const name = host.includes(':') ? `[${host}]` : host;
      resolve({
        url: `http://${name}:${chosen}`,
        close: (drainMs = 1000) => close(server, drainMs),
      });
    });
  });
}

/** A connection that has answered is idle, and nobody new is taken on it: so they are looked at again and again. */
const LOOK_EVERY_MS = 50;

const close = (server: ReturnType<typeof serve>, drainMs: number): Promise<void> =>
  new Promise((resolve) => {
    const hangUp = () => 'closeAllConnections' in server && server.closeAllConnections();
    const endIdle = () => 'closeIdleConnections' in server && server.closeIdleConnections();
    const looking = setInterval(endIdle, LOOK_EVERY_MS);
    const late = setTimeout(hangUp, drainMs);
    server.close(() => {
      clearInterval(looking);
      clearTimeout(late);
      resolve();
    });
    endIdle();
  });
