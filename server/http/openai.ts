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
  type ServedEvent,
  type Serving,
} from '../gateway/index.ts';
import type { Caller } from '../identity/index.ts';
import type { Models } from '../models/index.ts';
import type { Log } from '../platform/log.ts';
import { type Authenticate, authorize } from './authorize.ts';
import { chatShape, completionShape, extensionOf, type Shape } from './openai-shapes.ts';

const MAX_BODY_BYTES = 4_000_000;

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
  app.onError((error, c) => failure(c, error, handles.log));
  app.notFound((c) =>
    failure(
      c,
      new OpenLedgerError('not_found', `No ${c.req.method} ${c.req.path} here.`),
      handles.log,
    ),
  );

  app.get('/models', async (c) => {
    await callerOf(handles, c);
    const data = (await models.list()).map(modelShape);
    return c.json({ object: 'list', data });
  });
  app.get('/models/:name{.+}', async (c) => {
    await callerOf(handles, c);
    return c.json(modelShape(await models.find(c.req.param('name'))));
  });
  app.post('/chat/completions', async (c) => {
    const caller = await callerOf(handles, c);
    const body = parse(ChatBody, await readBody(c));
    return answer(handles, c, {
      caller,
      request: fromChat(body),
      shape: chatShape,
      ...streaming(body),
    });
  });
  app.post('/completions', async (c) => {
    const caller = await callerOf(handles, c);
    const body = parse(CompletionBody, await readBody(c));
    return answer(handles, c, {
      caller,
      request: fromCompletion(body),
      shape: completionShape,
      ...streaming(body),
    });
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
  const signal = c.req.raw.signal;
  const serving = await gateway.serve({ request: call.request, caller: call.caller, signal });
  const extension = extensionOf(serving);
  const headers = {
    'x-openledger-inference': extension.inference,
    'x-openledger-receipt': extension.receipt,
  };
  if (!call.stream) return c.json(await whole(serving, call), 200, headers);
  return new Response(eventStream(serving, call, log), {
    headers: {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
    },
  });
}

async function whole(serving: Serving, { shape }: Answer): Promise<object> {
  const texts: Extract<ServedEvent, { kind: 'text' }>[] = [];
  for await (const event of serving.events) {
    if (event.kind === 'end') return shape.whole(serving, texts, event);
    texts.push(event);
  }
  throw new OpenLedgerError('operator_failed', 'The operator ended without an answer.');
}

/** Pulled by the client's reading: nothing is buffered ahead, and a client that leaves stops the operator. */
function eventStream(serving: Serving, call: Answer, log: Log): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const lines = serverSentEvents(serving, call, log);
  return new ReadableStream(
    {
      async pull(controller) {
        const { value, done } = await lines.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      async cancel() {
        await serving.events.return();
      },
    },
    { highWaterMark: 0 },
  );
}

async function* serverSentEvents(serving: Serving, call: Answer, log: Log): AsyncGenerator<string> {
  const { shape, includeUsage } = call;
  const data = (chunk: object) => `data: ${JSON.stringify(chunk)}\n\n`;
  const usageSoFar = includeUsage ? { usage: null } : {};
  try {
    for (const chunk of shape.opening(serving)) yield data({ ...chunk, ...usageSoFar });
    for await (const event of serving.events) {
      if (event.kind === 'text') {
        yield data({ ...shape.chunk(serving, event), ...usageSoFar });
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

async function readBody(c: Context): Promise<unknown> {
  const declared = Number(c.req.header('content-length') ?? 0);
  if (declared > MAX_BODY_BYTES) throw tooLarge();
  const text = await boundedText(c.req.raw);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new OpenLedgerError('invalid_input', 'The body is not JSON.', {}, { cause });
  }
}

async function boundedText(request: Request): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.byteLength;
    if (size > MAX_BODY_BYTES) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

const tooLarge = () =>
  new OpenLedgerError('too_large', `The body is larger than ${MAX_BODY_BYTES} bytes.`);

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  throw new OpenLedgerError('invalid_input', `${path.join('.') || 'body'}: ${message}`, {
    param: path.join('.'),
  });
}

function failure(c: Context, error: unknown, log: Log): Response {
  const status = error instanceof OpenLedgerError ? error.status : 500;
  return c.json(errorBody(error, log), status as 400);
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
