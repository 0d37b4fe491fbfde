/** Anthropic's surface: /v1/messages, whole or streamed, and /v1/messages/count_tokens. Its clients work unchanged. */
import { errorStatus, OpenLedgerError } from '@openledger/protocol';
import { type Context, Hono } from 'hono';
import { CountBody, fromMessages, MessagesBody } from '../gateway/index.ts';
import type { Caller } from '../identity/index.ts';
import type { Log } from '../platform/log.ts';
import { answerCall, type SurfaceHandles } from './answer-call.ts';
import { anthropicWording } from './anthropic-shapes.ts';
import { inferringCaller } from './authorize.ts';
import { failureResponse } from './failure-response.ts';
import { readCall } from './read-call.ts';

/** A sub-application to be mounted at /v1/messages. Any `anthropic-version` will do: its words have not changed since the first. */
export function anthropicSurface({ gateway, authenticate, log }: SurfaceHandles): Hono {
  const app = new Hono();
  const wording = anthropicWording((error) => errorBody(error, log));
  /** Its clients send a key in a header of its own. */
  const callerOf = (c: Context): Promise<Caller> => {
    const key = c.req.header('x-api-key');
    const authorization = key === undefined ? c.req.header('authorization') : `Bearer ${key}`;
    return inferringCaller(c, authenticate, authorization);
  };

  app.onError((error) => failureResponse(error, errorBody(error, log)));
  app.post('/', async (c) => {
    const caller = await callerOf(c);
    const { body, idempotency } = await readCall(c, MessagesBody);
    return answerCall(gateway, c, {
      ...{ caller, request: fromMessages(body), idempotency, wording },
      stream: body.stream ?? false,
    });
  });
  app.post('/count_tokens', async (c) => {
    const caller = await callerOf(c);
    const { body } = await readCall(c, CountBody);
    const request = fromMessages(body);
    const { promptTokens, estimated } = await gateway.countPrompt({ request, caller });
    return c.json({ input_tokens: promptTokens, openledger: { estimated } });
  });
  return app;
}

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
