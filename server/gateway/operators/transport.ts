/** Asks remote operators over HTTP: one pool of connections for each address, and answers read as they come. */
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, type Dispatcher, request } from 'undici';
import { failed } from './failures.ts';

export type Endpoint = {
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
};

const CONNECT_MS = 5000;
/** A connection that lies idle longer may have been closed at the other end. */
const KEEP_ALIVE_MS = 4000;

const JSON_BODY = { 'content-type': 'application/json' };

/** When an answer is late is decided by who waits for it, not here. */
const agent = new Agent({
  connect: { timeout: CONNECT_MS },
  ...{ keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: 0, bodyTimeout: 0 },
});

/** An answer with a good status. */
export type Answered = {
  readonly contentType: string;
  readonly body: Dispatcher.ResponseData['body'];
};

/** @throws operator_failed when it cannot be reached, or answers with another status than 2xx */
export async function send(
  { baseUrl, headers }: Endpoint,
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
  const response = await request(`${baseUrl.replace(/\/$/, '')}/${path}`, {
    method: body ? 'POST' : 'GET',
    headers: body ? { ...more.headers, ...JSON_BODY, ...headers } : headers,
    body: body && JSON.stringify(body),
    ...{ signal, dispatcher: agent },
  }).catch((cause: unknown) => {
    throw failed('The operator could not be reached.', { cause });
  });
  const { statusCode: operatorStatus, headers: answered } = response;
  if (operatorStatus >= 200 && operatorStatus < 300) {
    return { contentType: String(answered['content-type'] ?? ''), body: response.body };
  }
  await response.body.dump().catch(() => {}); // what it says may hold the prompt: it is told to nobody
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
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of chunksOf(body)) {
    sizeBytes += part.length;
    if (sizeBytes > mostBytes) {
      body.destroy();
      throw failed('The operator sent an answer that is too large.');
    }
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch (cause) {
    throw failed('The operator sent something that is not JSON.', { cause });
  }
}

const MAX_EVENT_CHARACTERS = 1_000_000;

/** The data fields of a text/event-stream (WHATWG HTML, server-sent events), one event at a time. */
export async function* serverSentEvents({ body }: Answered): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let buffer = '';
  for await (const bytes of chunksOf(body)) {
    buffer += decoder.decode(bytes, { stream: true });
    const events = buffer.split(/\r?\n\r?\n/);
    buffer = events.pop() as string;
    if (buffer.length > MAX_EVENT_CHARACTERS) {
      body.destroy();
      throw failed('The operator sent an event that is too large.');
    }
    for (const event of events) {
      const data = event
        .split(/\r?\n/)
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart())
        .join('\n');
      if (data) yield data;
    }
  }
}

async function* chunksOf(body: Answered['body']): AsyncIterable<Uint8Array> {
  let isRest = true;
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) yield chunk;
    isRest = false;
  } catch (cause) {
    throw failed('The operator broke off.', { cause });
  } finally {
    if (isRest) readAway(body);
  }
}

/** What may follow when all has been heard. */
const [REST_MS, REST_BYTES] = [1000, 65_536];

/** So that the connection serves the next; it is closed where that would take too long, or its signal says so. */
function readAway(body: Answered['body']): void {
  const late = setTimeout(() => body.destroy(), REST_MS);
  const rest = body.dump({ limit: REST_BYTES }).catch(() => {}); // it is gone already
  void rest.finally(() => clearTimeout(late));
}
