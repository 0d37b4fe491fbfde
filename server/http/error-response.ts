/** The one place where a failure becomes a status and a body. */
import type { Log } from '../platform/log.ts';
import { expectedIn, failureResponse } from './failure-response.ts';

/** Expected failures speak for themselves; anything else is our bug: logged whole, told without detail. */
export function errorResponse(error: unknown, log: Log, requestId: string): Response {
  const expected = expectedIn(error);
  if (expected) {
    const { code, message, details } = expected;
    return failureResponse(error, { error: { code, message, details } });
  }
  log.error('http.failed', { requestId, error });
  const message = 'Something failed on our side. The log has it under the request id.';
  return failureResponse(error, { error: { code: 'internal', message, details: { requestId } } });
}
