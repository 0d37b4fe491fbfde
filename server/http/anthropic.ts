/** Anthropic's surface: /v1/messages, text whole or streamed. Its clients work unchanged. */
import { errorStatus, formatOpen, OpenLedgerError } from '@openledger/protocol';
import { Hono } from 'hono';
import { fromMessages, MessagesBody, type Serving } from '../gateway/index.ts';
import type { Caller } from '../identity/index.ts';
import type { Log } from '../platform/log.ts';
import {
  answerCall,
  type EndEvent,
  type SurfaceHandles,
  type TextEvent,
  type Wording,
} from './answer-call.ts';
import { authorize } from './authorize.ts';
import { defaultLimits, parseBody, readJson } from './body.ts';
import { jsonResponse } from './json-response.ts';
import { extensionOf } from './openai-shapes.ts';
import { anthropicRateHeaders, failureHeaders } from './rate-headers.ts';

const LIMITS = { ...defaultLimits, jsonBytes: 4_000_000 };

/** A sub-application to be mounted at /v1/messages. */
export function anthropicSurface({ gateway, authenticate, log }: SurfaceHandles): Hono {
  const app = new Hono();
  app.onError((error) => {
    const status = error instanceof OpenLedgerError ? error.status : 500;
    return jsonResponse(errorBody(error, log), status, failureHeaders(error));
  });
  app.post('/', async (c) => {
    // Its clients send a key in a header of its own.
    const key = c.req.header('x-api-key');
    const authorization = key === undefined ? c.req.header('authorization') : `Bearer ${key}`;
    const caller = (await authorize(authenticate, authorization, 'infer')) as Caller;
    const body = parseBody(MessagesBody, await readJson(c.req.raw, LIMITS));
    return answerCall(gateway, c, {
      ...{ caller, request: fromMessages(body), stream: body.stream ?? false },
      wording: wordingOf(log),
    });
  });
  return app;
}

const wordingOf = (log: Log): Wording => ({
  whole: (serving, texts, end) => ({
    ...message(serving),
    content: [{ type: 'text', text: texts.map(({ text }) => text).join(''), citations: null }],
    stop_reason: reasons[end.finishReason],
    usage: usageOf(end),
    openledger: { ...extensionOf(serving), price: formatOpen(end.priceUnits) },
  }),
  headers: ({ rates, createdAt }) => anthropicRateHeaders(rates, createdAt),
  opening: (serving) => [
    frame({
      type: 'message_start',
      message: {
        ...message(serving),
        ...{ content: [], stop_reason: null, usage: { input_tokens: 0, output_tokens: 0 } },
      },
    }),
    frame({
      type: 'content_block_start',
      index: 0,
      content_block: { type: 'text', text: '', citations: null },
    }),
  ],
  text: (_: Serving, { text }: TextEvent) =>
    frame({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
  closing: (serving, end) => [
    frame({ type: 'content_block_stop', index: 0 }),
    frame({
      type: 'message_delta',
      delta: { stop_reason: reasons[end.finishReason], stop_sequence: null },
      usage: usageOf(end),
      openledger: { ...extensionOf(serving), price: formatOpen(end.priceUnits) },
    }),
    frame({ type: 'message_stop' }),
  ],
  failure: (error) => frame(errorBody(error, log)),
});

const frame = (event: { readonly type: string } & Readonly<Record<string, unknown>>): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

const message = (serving: Serving) => ({
  id: serving.inferenceId.replace(/^inf_/, 'msg_'),
  ...{ type: 'message', role: 'assistant', model: serving.model, stop_sequence: null },
});

const usageOf = ({ usage, priceUnits }: EndEvent) => ({
  input_tokens: usage.promptTokens,
  output_tokens: usage.completionTokens,
  cost: formatOpen(priceUnits),
});

const reasons = { stop: 'end_turn', length: 'max_tokens', content_filter: 'refusal' } as const;

/** Anthropic's error shape, and beside it our code and the details, such as what is missing. */
function errorBody(error: unknown, log: Log) {
  if (error instanceof OpenLedgerError) {
    const { code, message, details } = error;
    const type = errorTypes[errorStatus[code]] ?? 'api_error';
    return { type: 'error', error: { type, message, code, details } };
  }
  log.error('gateway.failed', { error });
  const message = 'Something went wrong on our side.';
  return { type: 'error', error: { type: 'api_error', message } };
}

const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'invalid_request_error',
  413: 'request_too_large',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
  503: 'overloaded_error',
};
