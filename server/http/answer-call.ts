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
import { callResponse, priceHeader, tellingHeaders } from './call-response.ts';
import { extensionOf } from './extension.ts';
import { signalOf, streamedResponse } from './node-connection.ts';
import { watchOf } from './request-record.ts';

/** With what the answer has from the records before it; undefined where that cannot be told now. */
export type EndEvent = Extract<ServedEvent, { kind: 'end' }> & {
  readonly grounding: Grounding | undefined;
};

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
  if (!stream) {
    const { answer, priceUnits } = await whole(gateway, serving, wording);
    return callResponse(c, answer, { ...headersOf(serving, wording), ...priceHeader(priceUnits) });
  }
  const events = serving.events;
  const first = await events.next(); // what fails before its first word still has a status of its own
  return streamedResponse(c, {
    frames: framesOf(gateway, { serving, first, wording }),
    headers: {
      ...tellingHeaders(c),
      ...headersOf(serving, wording),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    },
    leave: serving.leave,
  });
}

const REPLAYED = { 'idempotency-replayed': 'true' };

function headersOf(serving: Serving, wording: Wording): Readonly<Record<string, string>> {
  const { inference, receipt } = extensionOf(serving);
  return {
    ...{ 'x-openledger-inference': inference, 'x-openledger-receipt': receipt },
    ...(serving.replay && REPLAYED),
    ...wording.headers(serving),
  };
}

/** The end waits until it is known what of the text stands in the call's context. */
const grounded = async (
  gateway: Pick<Gateway, 'ground'>,
  { inferenceId, retrieved }: Serving,
  end: Extract<ServedEvent, { kind: 'end' }>,
): Promise<EndEvent> => ({
  ...end,
  grounding: retrieved.length > 0 ? await gateway.ground(inferenceId) : ungrounded,
});

async function whole(gateway: Gateway, serving: Serving, wording: Wording) {
  const said: ContentEvent[] = [];
  for await (const event of serving.events) {
    if (event.kind === 'end') {
      const end = await grounded(gateway, serving, event);
      return { answer: wording.whole(serving, answerOf(said), end), priceUnits: end.priceUnits };
    }
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

async function* framesOf(
  gateway: Gateway,
  {
    serving,
    first,
    wording,
  }: {
    readonly serving: Serving;
    readonly first: IteratorResult<ServedEvent, void>;
    readonly wording: Wording;
  },
): AsyncGenerator<string, void, void> {
  const { events } = serving;
  const streamed = wording.streamed(serving);
  try {
    yield streamed.opening().join('');
    for (let next = first; !next.done; next = await events.next()) {
      const event = next.value;
      const frames =
        event.kind === 'end'
          ? streamed.closing(await grounded(gateway, serving, event))
          : streamed.content(event);
      yield frames.join('');
    }
  } catch (error) {
    yield streamed.failure(error).join(''); // the status has gone out: the stream says what happened
  } finally {
    await events.return(); // its reader may have gone
  }
}
