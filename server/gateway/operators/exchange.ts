/** One request to a remote server, and its answer as it comes. Read without a stream's machinery, which would cost more than the request. */
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, type Dispatcher } from 'undici';

const CONNECT_MS = 5000;
/** A connection that lies idle longer may have been closed at the other end. */
const KEEP_ALIVE_MS = 4000;

/** One pool of connections for each address. When an answer is late is decided by who waits for it, not here. */
const agent = new Agent({
  connect: { timeout: CONNECT_MS },
  ...{ keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: 0, bodyTimeout: 0 },
});

export type Exchange = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Body;
};

/** For one reader. */
export type Body = {
  /** The next piece; undefined at the end. @throws what broke it off */
  next(): Promise<Uint8Array | undefined>;
  /** Nobody reads on. What is left is read away, so that the connection serves the next. */
  leave(): void;
  /** Nobody reads on, and the connection is closed. */
  close(): void;
};

/** @throws what the network says; the signal's reason when that aborts before there is an answer */
export function exchange(
  request: Pick<Dispatcher.DispatchOptions, 'origin' | 'path' | 'method' | 'headers' | 'body'>,
  signal: AbortSignal,
): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const body = createBody(signal);
    agent.dispatch(request, {
      onRequestStart: body.begin,
      onResponseStart(_, status, headers) {
        if (status >= 200) resolve({ status, headers, body });
      },
      onResponseData: (_, piece) => body.push(piece),
      onResponseEnd: () => body.end(),
      onResponseError(_, error) {
        reject(error);
        body.end(error);
      },
    });
  });
}

/** What may follow when all has been heard. */
const [REST_MS, REST_BYTES] = [1000, 65_536];
/** So much may wait for its reader; then the other end must. */
const MOST_WAITING_BYTES = 65_536;

/** Made once: an error of its own for each would cost more than the rest of an abort. */
const NOT_WANTED = new Error('Nobody reads on.');

type Filled = Body & {
  begin(controller: Dispatcher.DispatchController): void;
  push(piece: Uint8Array): void;
  end(error?: Error): void;
};

function createBody(signal: AbortSignal): Filled {
  let pieces: Uint8Array[] = [];
  let waitingBytes = 0;
  let controller: Dispatcher.DispatchController | undefined;
  let isOver = false;
  let failure: Error | undefined;
  let isLeft = false;
  let late: NodeJS.Timeout | undefined;
  let wake = () => {};
  const abort = () => controller?.abort(signal.reason);
  const close = () => controller?.abort(NOT_WANTED);
  signal.addEventListener('abort', abort, { once: true });
  return {
    begin(given) {
      controller = given;
      if (signal.aborted) abort();
    },
    push(piece) {
      waitingBytes += piece.length;
      if (isLeft) {
        if (waitingBytes > REST_BYTES) close();
        return;
      }
      pieces.push(piece);
      if (waitingBytes > MOST_WAITING_BYTES) controller?.pause();
      wake();
    },
    end(error) {
      isOver = true;
      failure = error;
      clearTimeout(late);
      signal.removeEventListener('abort', abort);
      wake();
    },
    async next() {
      if (pieces.length === 0 && !isOver) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const piece = pieces.shift();
      if (piece) {
        waitingBytes -= piece.length;
        if (pieces.length === 0 && controller?.paused) controller.resume();
        return piece;
      }
      if (failure) throw failure;
      return undefined;
    },
    leave() {
      if (isOver || isLeft) return;
      isLeft = true;
      pieces = [];
      waitingBytes = 0;
      late = setTimeout(close, REST_MS);
      if (controller?.paused) controller.resume();
    },
    close() {
      if (!isOver) close();
    },
  };
}
