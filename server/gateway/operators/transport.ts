/** Asks remote operators over HTTP, and reads what they answer. */
import type { IncomingHttpHeaders } from 'node:http';
import { type Body, exchange } from './exchange.ts';
import { failed } from './failures.ts';

export type Endpoint = {
  readonly origin: string;
  /** Before each path asked for. */
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
};

export function endpointAt(baseUrl: string, headers: Endpoint['headers']): Endpoint {
  const { origin, pathname } = new URL(baseUrl);
  return { origin, base: `${pathname.replace(/\/$/, '')}/`, headers };
}

const JSON_BODY = { 'content-type': 'application/json' };

/** An answer with a good status. */
export type Answered = {
  readonly contentType: string;
  readonly body: Body;
};

/** @throws operator_failed when it cannot be reached, or answers with another status than 2xx */
export async function send(
  { origin, base, headers }: Endpoint,
  {
    path,
    body,
    signal,
    ...more
  }: {
    readonly path: string;
    readonly body?: object;
    readonly signal: AbortSignal;
    /** Beside the endpoint's own. */
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<Answered> {
  const request = {
    ...{ origin, path: base + path, method: body ? 'POST' : 'GET' },
    headers: body ? { ...more.headers, ...JSON_BODY, ...headers } : headers,
    body: body && JSON.stringify(body),
  } as const;
  const response = await exchange(request, signal).catch((cause: unknown) => {
    throw failed('The operator could not be reached.', { cause });
  });
  const { status: operatorStatus, headers: answered } = response;
  if (operatorStatus >= 200 && operatorStatus < 300) {
    return { contentType: String(answered['content-type'] ?? ''), body: response.body };
  }
  response.body.leave(); // what it says may hold the prompt: it is told to nobody
  throw failed(`The operator answered ${operatorStatus}.`, {
    ...{ operatorStatus, retryAfterMs: retryAfterOf(answered) },
  });
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function retryAfterOf({ 'retry-after': after }: IncomingHttpHeaders): number | undefined {
  if (!after) return undefined;
  const seconds = Number(after);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(after) - Date.now();
  return ms >= 0 ? ms : undefined;
}

const LARGEST_ANSWER_BYTES = 32 * 2 ** 20;

/** A whole answer. @throws operator_failed when it breaks off, is too large or is no JSON */
export async function readJson(
  { body }: Answered,
  mostBytes = LARGEST_ANSWER_BYTES,
): Promise<unknown> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for (let piece = await nextOf(body); piece; piece = await nextOf(body)) {
    sizeBytes += piece.length;
    if (sizeBytes > mostBytes) {
      body.close();
      throw failed('The operator sent an answer that is too large.');
    }
    pieces.push(piece);
  }
  try {
    return JSON.parse(textOf(pieces));
  } catch (cause) {
    throw failed('The operator sent something that is not JSON.', { cause });
  }
}

const nextOf = (body: Body): Promise<Uint8Array | undefined> =>
  body.next().catch((cause: unknown) => {
    throw failed('The operator broke off.', { cause });
  });

const textOf = (pieces: readonly Uint8Array[]): string =>
  (pieces.length === 1 ? Buffer.from(pieces[0]) : Buffer.concat(pieces)).toString('utf8');

const MAX_EVENT_CHARACTERS = 1_000_000;

/** The data fields of a text/event-stream (WHATWG HTML, server-sent events), one event at a time. */
export async function* serverSentEvents({ body }: Answered): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let buffer = '';
  try {
    for (let piece = await nextOf(body); piece; piece = await nextOf(body)) {
      buffer += decoder.decode(piece, { stream: true });
      const events = buffer.split(/\r?\n\r?\n/);
      buffer = events.pop() as string;
      if (buffer.length > MAX_EVENT_CHARACTERS) {
        body.close();
        throw failed('The operator sent an event that is too large.');
      }
      for (const event of events) {
        const data = dataOf(event);
        if (data) yield data;
      }
    }
  } finally {
    body.leave();
  }
}

const dataOf = (event: string): string =>
  event.startsWith('data:') && !event.includes('\n')
    ? event.slice(5).trimStart()
    : event
        .split(/\r?\n/)
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart())
        .join('\n');
