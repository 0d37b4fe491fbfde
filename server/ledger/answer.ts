/** What a ledger answers: done, done before, refused, or that it cannot say. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Outcome } from './apply.ts';

/** What became of a command that was not refused: done now, or done before under the same id. */
export type Done = {
  readonly kind: 'posted' | 'replayed';
  readonly transactionId: Id<'transaction'>;
  readonly sequence: number;
};

/** One wish's answer among several. */
export type Answer = Done | Extract<Outcome, { kind: 'refused' }>;

/** An outcome as callers see it. */
export function answerOf(outcome: Outcome): Answer {
  if (outcome.kind !== 'posted') return outcome;
  const { transactionId, sequence } = outcome.transaction;
  return { kind: 'posted', transactionId, sequence };
}

/** Of a wish whose fate is not known. */
export const cannotSay = (cause: unknown): OpenLedgerError =>
  new OpenLedgerError(
    'unavailable',
    'The ledger cannot say whether this was done; ask again with the same id.',
    {},
    { cause },
  );
