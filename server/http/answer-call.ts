/** Serves a generation over HTTP, whole or streamed, in the words of whichever surface was asked. */
import { OpenLedgerError, type ToolCall } from '@openledger/protocol';
import type { Context } from 'hono';
import {
  type ContentEvent,
  type Gateway,
  type GenerationRequest,
  type Grounding,
  type Idempotency,
  type ServedEvent,
  type Serving,
  type TokenLogprob,
  toolCallsOf,
  ungrounded,
} from '../gateway/index.ts';
import type { Caller } from '../identity/index.ts';
import type { Log } from '../platform/log.ts';
import type { Authenticate } from './authorize.ts';
import { extensionOf } from './extension.ts';
import { signalOf } from './node-connection.ts';
import { watchOf } from './request-record.ts';

/** With what the answer has from the records before it; undefined where that cannot be told now. */
export type EndEvent = Extract<ServedEvent, { kind: 'end' }> & {
  readonly grounding: Grounding | undefined;
};

type AnsweredEvent = ContentEvent | EndEvent;

/** What every surface needs. */
export type SurfaceHandles = {
  readonly gateway: Gateway;
  readonly authenticate: Authenticate;
  readonly log: Log;
};

/** All that an operator said, put together. */
export type Answer = {
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  readonly logprobs: readonly TokenLogprob[];
};

/** How a surface tells of a call. */
export type Wording = {
  /** What its clients know of a key's rates. */
  headers(serving: Serving): Readonly<Record<string, string>>;
  whole(serving: Serving, answer: Answer, end: EndEvent): object;
  /** For one stream: it may remember what it has said. */
  streamed(serving: Serving): Streamed;
};

/** Frames, as they go over the wire. */
export type Streamed = {
  /** Before anything that the operator says. */
  opening(): readonly string[];
  content(event: ContentEvent): readonly string[];
  closing(end: EndEvent): readonly string[];
  /** What went wrong after the status had gone out. */
  failure(error: unknown): readonly string[];
};

export type AnsweredCall = {
  readonly caller: Caller;
  readonly request: GenerationRequest;
  readonly idempotency: Idempotency | undefined;
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
    signal: signalOf(c),
    watch: watchOf(c),
  });
  const { inference, receipt } = extensionOf(serving);
  const headers = {
    ...{ 'x-openledger-inference': inference, 'x-openledger-receipt': receipt },
    ...(serving.replay && REPLAYED),
    ...wording.headers(serving),
  };
  const events = withGrounding(gateway, serving);
  if (!stream) return c.json(await whole(serving, events, wording), 200, headers);
  const first = await events.next(); // what fails before its first word still has a status of its own
  return new Response(eventStream(serving, resumed(first, events), wording), {
    headers: {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    },
  });
}

const REPLAYED = { 'idempotency-replayed': 'true' };

/** Text goes through at once; the end waits until it is known what of the text stands in the call's context. */
async function* withGrounding(
  gateway: Pick<Gateway, 'ground'>,
  { inferenceId, retrieved, events }: Serving,
): AsyncGenerator<AnsweredEvent, void, void> {
  for await (const event of events) {
    if (event.kind !== 'end') yield event;
    else {
      const grounding = retrieved.length > 0 ? await gateway.ground(inferenceId) : ungrounded;
      yield { ...event, grounding };
    }
  }
}

async function whole(
  serving: Serving,
  events: AsyncIterable<AnsweredEvent>,
  wording: Wording,
): Promise<object> {
  const said: ContentEvent[] = [];
  for await (const event of events) {
    if (event.kind === 'end') return wording.whole(serving, answerOf(said), event);
    said.push(event);
  }
  throw new OpenLedgerError('operator_failed', 'The call was broken off.'); // the client has left: nobody reads this
}

const answerOf = (said: readonly ContentEvent[]): Answer => {
  const texts = said.filter((event) => event.kind === 'text');
  return {
    text: texts.map((event) => event.text).join(''),
    toolCalls: toolCallsOf(said),
    logprobs: texts.flatMap((event) => event.logprobs),
  };
};

async function* resumed<T>(first: IteratorResult<T, void>, rest: AsyncGenerator<T, void, void>) {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

/** Pulled by the client's reading: nothing is buffered ahead, and a client that leaves stops the operator. */
function eventStream(
  serving: Serving,
  events: AsyncIterable<AnsweredEvent>,
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
  events: AsyncIterable<AnsweredEvent>,
  wording: Wording,
): AsyncGenerator<string> {
  const streamed = wording.streamed(serving);
  try {
    yield streamed.opening().join('');
    for await (const event of events) {
      yield (event.kind === 'end' ? streamed.closing(event) : streamed.content(event)).join('');
    }
  } catch (error) {
    yield streamed.failure(error).join(''); // the status has gone out: the stream says what happened
  }
}
