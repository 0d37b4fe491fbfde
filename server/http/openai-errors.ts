/** Failures, in the words of OpenAI's surface. */
import { errorStatus } from '@openledger/protocol';
import type { Log } from '../platform/log.ts';
import { expectedIn, failureResponse } from './failure-response.ts';

/** An answer that is a failure. */
export const failure = (error: unknown, log: Log): Response =>
  failureResponse(error, errorBody(error, log));

/** What it says of one, also in a stream. */
export const errorBody = (error: unknown, log: Log) => ({ error: errorOf(error, log) });

/** OpenAI's error shape. What is ours beside it: the details, such as what is missing. */
function errorOf(error: unknown, log: Log) {
  const expected = expectedIn(error);
  if (!expected) {
    log.error('gateway.failed', { error });
    const message = 'Something went wrong on our side.';
    return { message, type: 'server_error', param: null, code: null };
  }
  const { code, message, details } = expected;
  const param =
    typeof details.param === 'string' ? details.param : code === 'model_not_found' ? 'model' : null;
  return { message, type: errorTypes[errorStatus[code]] ?? 'server_error', param, code, details };
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
