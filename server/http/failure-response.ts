/** Failures as answers, whatever words a surface has for them. */
import { OpenLedgerError } from '@openledger/protocol';
import { isAway } from '../platform/outlast.ts';
import { jsonResponse } from './json-response.ts';

/** A failure that speaks for itself, or a database that is away; undefined where it is our bug. */
export function expectedIn(error: unknown): OpenLedgerError | undefined {
  if (error instanceof OpenLedgerError) return error;
  if (!isAway(error)) return undefined;
  return new OpenLedgerError(
    'unavailable',
    'The database is away; ask again.',
    {},
    { cause: error },
  );
}

/** @param body what the surface says of it */
export function failureResponse(error: unknown, body: object): Response {
  const expected = expectedIn(error);
  return expected
    ? jsonResponse(body, expected.status, headersOf(expected))
    : jsonResponse(body, 500);
}

/** A database that was lost is back within seconds, or its standby is promoted; nobody knows which second. */
const AWAY_SECONDS = 1;

/** What beside status and body belongs to a failure. */
function headersOf({ status, details }: OpenLedgerError): Readonly<Record<string, string>> {
  const { retryAfterSeconds = status === 503 ? AWAY_SECONDS : undefined, mayRetry } = details;
  return {
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(typeof retryAfterSeconds === 'number' && { 'retry-after': `${retryAfterSeconds}` }),
    // OpenAI's and Anthropic's clients ask again after a conflict, unless they are told not to.
    ...(mayRetry === false && { 'x-should-retry': 'false' }),
  };
}
