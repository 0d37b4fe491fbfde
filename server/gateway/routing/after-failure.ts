/** What a failed attempt means: whether others are asked, and whether the operator is to blame. */
import { OpenLedgerError } from '@openledger/protocol';
import type { FailureFacts } from '../operators/failures.ts';

export type AfterFailure = {
  /** Whether another attempt may have another outcome. */
  readonly mayGoOn: boolean;
  /** Whether it says something of the operator's health. */
  readonly isOperators: boolean;
  readonly retryAfterMs: number | undefined;
};

/** The request itself is refused: by any operator, again and again. */
const REQUESTS_FAULT = new Set([400, 413, 415, 422]);

/** By operator's status; what is not listed is the operator's own failure, and others are asked. */
export function afterFailure(error: unknown): AfterFailure {
  if (!(error instanceof OpenLedgerError) || error.code !== 'operator_failed') {
    return { mayGoOn: false, isOperators: false, retryAfterMs: undefined };
  }
  const { operatorStatus, retryAfterMs } = error.details as FailureFacts;
  const isRequests = operatorStatus !== undefined && REQUESTS_FAULT.has(operatorStatus);
  return { mayGoOn: !isRequests, isOperators: !isRequests, retryAfterMs };
}
