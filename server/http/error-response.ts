/** The one place where a failure becomes a status and a body. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Log } from '../platform/log.ts';
import { failureResponse } from './failure-response.ts';

/** Expected failures speak for themselves; anything else is our bug: logged whole, told without detail. */
export function errorResponse(error: unknown, log: Log, requestId: string): Response {
  if (error instanceof OpenLedgerError) {
    const { code, message, details } = error;
    return failureResponse(error, { error: { code, message, details } });
  }
  log.error('http.failed', { requestId, error });
  const message = 'Something failed on our side. The log has it under the request id.';
  return failureResponse(error, { error: { code: 'internal', message, details: { requestId } } });
}
