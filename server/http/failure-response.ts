/** Failures as answers, whatever words a surface has for them. */
import { OpenLedgerError } from '@openledger/protocol';
import { jsonResponse } from './json-response.ts';

/** @param body what the surface says of it */
export const failureResponse = (error: unknown, body: object): Response =>
  jsonResponse(body, error instanceof OpenLedgerError ? error.status : 500, headersOf(error));

/** What beside status and body belongs to a failure. */
function headersOf(error: unknown): Readonly<Record<string, string>> {
  if (!(error instanceof OpenLedgerError)) return {};
  const { retryAfterSeconds, mayRetry } = error.details;
  return {
    ...(error.status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(typeof retryAfterSeconds === 'number' && { 'retry-after': `${retryAfterSeconds}` }),
    // OpenAI's and Anthropic's clients ask again after a conflict, unless they are told not to.
    ...(mayRetry === false && { 'x-should-retry': 'false' }),
  };
}
