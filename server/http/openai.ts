/** The OpenAI-compatible surface: /v1/models, /v1/chat/completions, /v1/completions. Any OpenAI client works unchanged. */
import { errorStatus, OpenLedgerError } from '@openledger/protocol';
import { type Context, Hono } from 'hono';
import type { z } from 'zod';
import {
  ChatBody,
  CompletionBody,
  fromChat,
  fromCompletion,
  type Gateway,
  type GenerationRequest,
  ModelName,
  type ServedEvent,
  type Serving,
} from '../gateway/index.ts';
import type { Caller } from '../identity/index.ts';
import type { Models } from '../models/index.ts';
import type { Log } from '../platform/log.ts';
import { type Authenticate, authorize } from './authorize.ts';
import { defaultLimits, readJson } from './body.ts';
import { jsonResponse } from './json-response.ts';
import { chatShape, completionShape, extensionOf, type Shape } from './openai-shapes.ts';

const LIMITS = { ...defaultLimits, jsonBytes: 4_000_000 };

export type OpenAiHandles = {
  readonly gateway: Gateway;
  readonly models: Models;
  readonly authenticate: Authenticate;
  readonly log: Log;
};

/** A sub-application to be mounted at /v1. */
export function openAiSurface(handles: OpenAiHandles): Hono {
  const { models } = handles;
  const app = new Hono();
  app.onError((error) => failure(error, handles.log));

  app.get('/models', async (c) => {
    await callerOf(handles, c);
    const data = (await models.list()).map(modelShape);
    return c.json({ object: 'list', data });
  });
  app.get('/models/:name{.+}', async (c) => {
    await callerOf(handles, c);
    return c.json(modelShape(await models.find(parse(ModelName, c.req.param('name')))));
  });
  app.post('/chat/completions', async (c) => {
    const caller = await callerOf(handles, c);
    const body = parse(ChatBody, await readJson(c.req.raw, LIMITS));
    return answer(handles, c, {
      caller,
      request: fromChat(body),
      shape: chatShape,
      ...streaming(body),
    });
  });
  app.post('/completions', async (c) => {
    const caller = await callerOf(handles, c);
    const body = parse(CompletionBody, await readJson(c.req.raw, LIMITS));
    return answer(handles, c, {
      caller,
      request: fromCompletion(body),
      shape: completionShape,
      ...streaming(body),
    });
  });
  // Not `notFound`: a mounted application's own is never asked.
  app.all('/*', (c) => {
    throw new OpenLedgerError('not_found', `There is no ${c.req.method} ${c.req.path}.`);
  });
  return app;
}

/** A key is always needed here: only operations of the table can be public. */
const callerOf = async ({ authenticate }: OpenAiHandles, c: Context): Promise<Caller> =>
  (await authorize(authenticate, c.req.header('authorization'), 'infer')) as Caller;

const streaming = (body: {
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean | null } | null;
}) => ({ stream: body.stream ?? false, includeUsage: body.stream_options?.include_usage ?? false });

type Answer = {
  readonly caller: Caller;
  readonly request: GenerationRequest;
  readonly shape: Shape;
  readonly stream: boolean;
  readonly includeUsage: boolean;
};

async function answer(
  { gateway, log }: OpenAiHandles,
  c: Context,
  call: Answer,
): Promise<Response> {
  const serving = await gateway.serve({
    ...call,
    delivery: call.stream ? 'streamed' : 'whole',
    signal: c.req.raw.signal,
  });
  const { inference, receipt } = extensionOf(serving);
  const headers = { 'x-openledger-inference': inference, 'x-openledger-receipt': receipt };
  if (!call.stream) return c.json(await whole(serving, call), 200, headers);
  const first = await serving.events.next(); // what fails before its first word still has a status of its own
  return new Response(eventStream(serving, resumed(first, serving.events), call, log), {
    headers: {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    },
  });
}

async function whole(serving: Serving, { shape }: Answer): Promise<object> {
  const texts: Extract<ServedEvent, { kind: 'text' }>[] = [];
  for await (const event of serving.events) {
    if (event.kind === 'end') return shape.whole(serving, texts, event);
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
  call: Answer,
  log: Log,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const lines = serverSentEvents(serving, events, call, log);
  return new ReadableStream(
    {
      async pull(controller) {
        const { value, done } = await lines.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      cancel: () => serving.leave(),
    },
    { highWaterMark: 0 },
  );
}

async function* serverSentEvents(
  serving: Serving,
  events: AsyncIterable<ServedEvent>,
  { shape, includeUsage }: Answer,
  log: Log,
): AsyncGenerator<string> {
  const data = (chunk: object) => `data: ${JSON.stringify(chunk)}\n\n`;
  const usageSoFar = includeUsage ? shape.noUsageYet : {};
  let characters = 0;
  try {
    for (const chunk of shape.opening(serving)) yield data({ ...chunk, ...usageSoFar });
    for await (const event of events) {
      if (event.kind === 'text') {
        yield data({ ...shape.chunk(serving, event, characters), ...usageSoFar });
        characters += event.text.length;
        continue;
      }
      yield data({ ...shape.closing(serving, event), ...usageSoFar });
      if (includeUsage) yield data(shape.usage(serving, event));
    }
    yield 'data: [DONE]\n\n';
  } catch (error) {
    yield data(errorBody(error, log)); // the status has gone out: the stream says what happened
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  throw new OpenLedgerError('invalid_input', `${path.join('.') || 'body'}: ${message}`, {
    param: path.join('.'),
  });
}

function failure(error: unknown, log: Log): Response {
  const status = error instanceof OpenLedgerError ? error.status : 500;
  const response = jsonResponse(errorBody(error, log), status);
  if (status === 401) response.headers.set('www-authenticate', 'Bearer');
  return response;
}

/** OpenAI's error shape. What is ours beside it: the details, such as what is missing. */
function errorBody(error: unknown, log: Log): object {
  if (!(error instanceof OpenLedgerError)) {
    log.error('gateway.failed', { error });
    return {
      error: {
        message: 'Something went wrong on our side.',
        type: 'server_error',
        param: null,
        code: null,
      },
    };
  }
  const { code, message, details } = error;
  const param =
    typeof details.param === 'string' ? details.param : code === 'model_not_found' ? 'model' : null;
  return {
    error: { message, type: errorTypes[errorStatus[code]] ?? 'server_error', param, code, details },
  };
}

const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'insufficient_quota',
  403: 'permission_error',
  404: 'invalid_request_error',
  409: 'invalid_request_error',
  413: 'invalid_request_error',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
};

const modelShape = (model: {
  readonly name: string;
  readonly operator: string;
  readonly createdAt: Date;
}) => ({
  id: model.name,
  object: 'model',
  created: Math.floor(model.createdAt.getTime() / 1000),
  owned_by: model.operator,
});
