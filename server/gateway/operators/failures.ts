/** How an operator fails, in the words of our errors. */
import { OpenLedgerError } from '@openledger/protocol';

/** What is known of a failure; routing decides by it what comes next. */
export type FailureFacts = {
  /** HTTP status of the operator's answer. */
  readonly operatorStatus?: number;
  /** As the operator asked. */
  readonly retryAfterMs?: number;
};

export const failed = (
  sentence: string,
  { cause, ...facts }: FailureFacts & { readonly cause?: unknown } = {},
): OpenLedgerError => new OpenLedgerError('operator_failed', sentence, facts, { cause });
