/** Serves a generation over HTTP, whole or streamed, in the words of whichever surface was asked. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Context } from 'hono';
import type { Gateway, GenerationRequest, ServedEvent, Serving } from '../gateway/index.ts';
import type { Caller } from '../identity/index.ts';
import type { Log } from '../platform/log.ts';
import type { Authenticate } from './authorize.ts';
import { extensionOf } from './openai-shapes.ts';

export type TextEvent = Extract<ServedEvent, { kind: 'text' }>;
export type EndEvent = Extract<ServedEvent, { kind: 'end' }>;

/** What every surface needs. */
export type SurfaceHandles = {
  readonly gateway: Gateway;
  readonly authenticate: Authenticate;
  readonly log: Log;
};

/** How a surface tells of a call. */
export type Wording = {
  whole(serving: Serving, texts: readonly TextEvent[], end: EndEvent): object;
  /** What its clients know of a key's rates. */
  headers(serving: Serving): Readonly<Record<string, string>>;
  /** Frames before the first text. */
  opening(serving: Serving): readonly string[];
  /** @param from how many characters were sent before it */
  text(serving: Serving, event: TextEvent, from: number): string;
  closing(serving: Serving, end: EndEvent): readonly string[];
  /** What went wrong after the status had gone out. */
  failure(error: unknown): string;
};

export type AnsweredCall = {
  readonly caller: Caller;
  readonly request: GenerationRequest;
  readonly stream: boolean;
  readonly wording: Wording;
};

export async function answerCall(
  gateway: Gateway,
  c: Context,
  { stream, wording, ...call }: AnsweredCall,
): Promise<Response> {
  const serving = await gateway.serve({
    ...call,
    delivery: stream ? 'streamed' : 'whole',
    signal: c.req.raw.signal,
  });
  const { inference, receipt } = extensionOf(serving);
  const headers = {
    ...{ 'x-openledger-inference': inference, 'x-openledger-receipt': receipt },
    ...wording.headers(serving),
  };
  if (!stream) return c.json(await whole(serving, wording), 200, headers);
  const first = await serving.events.next(); // what fails before its first word still has a status of its own
  return new Response(eventStream(serving, resumed(first, serving.events), wording), {
    headers: {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    },
  });
}

async function whole(serving: Serving, wording: Wording): Promise<object> {
  const texts: TextEvent[] = [];
  for await (const event of serving.events) {
    if (event.kind === 'end') return wording.whole(serving, texts, event);
    texts.push(event);
  }
  throw new OpenLedgerError('operator_failed', 'The call was broken off.'); // the client has left: nobody reads this
}

async function* resumed<T>(first: IteratorResult<T, void>, rest: AsyncGenerator<T, void, void>) {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

/** Pulled by the client's reading: nothing is buffered ahead, and a client that leaves stops the operator. */
function eventStream(
  serving: Serving,
  events: AsyncIterable<ServedEvent>,
  wording: Wording,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const frames = framesOf(serving, events, wording);
  return new ReadableStream(
    {
      async pull(controller) {
        const { value, done } = await frames.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      cancel: () => serving.leave(),
    },
    { highWaterMark: 0 },
  );
}

async function* framesOf(
  serving: Serving,
  events: AsyncIterable<ServedEvent>,
  wording: Wording,
): AsyncGenerator<string> {
  let characters = 0;
  try {
    yield* wording.opening(serving);
    for await (const event of events) {
      if (event.kind === 'text') {
        yield wording.text(serving, event, characters);
        characters += event.text.length;
      } else yield* wording.closing(serving, event);
    }
  } catch (error) {
    yield wording.failure(error); // the status has gone out: the stream says what happened
  }
}
