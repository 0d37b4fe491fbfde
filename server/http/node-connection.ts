/**
 * The connection that a request came by, as Node has it: reading and writing it directly costs a fraction of what the web's
 * streams cost. There is none where the app is asked without a server.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
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

type Frames = AsyncGenerator<string, void, void>;

/** An answer that goes out as it comes: pulled by the client's reading, so that nothing is buffered ahead. */
export function streamedResponse(
  c: Context,
  {
    frames,
    headers,
    leave,
  }: {
    readonly frames: Frames;
    readonly headers: Readonly<Record<string, string>>;
    /** Called when its client has gone; where there is a connection, `signalOf` says so. */
    readonly leave: () => Promise<void>;
  },
): Response {
  const connection = connectionOf(c);
  if (!connection) return new Response(webStream(frames, leave), { headers });
  const { outgoing } = connection;
  outgoing.once('error', () => {}); // its end is heard by `close`
  outgoing.writeHead(200, headers);
  writeAll(outgoing, frames).catch((error: unknown) => outgoing.destroy(error as Error));
  return RESPONSE_ALREADY_SENT;
}

async function writeAll(outgoing: ServerResponse, frames: Frames): Promise<void> {
  for await (const frame of frames) {
    if (outgoing.destroyed) return;
    if (frame !== '' && !outgoing.write(frame)) await drained(outgoing);
  }
  outgoing.end();
}

const drained = (outgoing: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      outgoing.off('drain', done).off('close', done);
      resolve();
    };
    outgoing.on('drain', done).on('close', done);
  });

const webStream = (frames: Frames, leave: () => Promise<void>): ReadableStream<Uint8Array> => {
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      async pull(controller) {
        const { value, done } = await frames.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  );
};
