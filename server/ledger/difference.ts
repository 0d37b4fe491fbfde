/** What an audit can find. */

/**
 * What can be wrong, in the order of looking: per batch, then at the end.
 *
 * - `sequence`: a batch or a transaction is missing, or stands twice
 * - `term`: an earlier writer wrote after a later one
 * - `previous`: the batch does not name the hash of the batch before
 * - `hash`: the batch's hash is not that of its contents
 * - `transaction`: a row cannot be read as a transaction, or has an amount that is not positive
 * - `root`: the transactions are not those that were committed
 * - `hold`: a hold begins twice, ends without having begun, or not with its own amount
 * - `floor`: an account falls below zero that may not
 * - `period`: a period does not end where it says, or its seal does not follow from the log
 * - `head`: the log does not end where the writer left it
 * - `account`: an account is missing, or stands twice, or nothing was ever posted to it
 * - `balance`: an account's balance is not what was posted to it
 * - `sum`: the balances of an asset do not sum to zero
 * - `open_hold`: the open holds are not those of the log
 * - `held`: an account named ...:held is not the sum of its open holds
 * - `entries`: a statement's line is not what the log says
 */
export type Check =
  | 'sequence'
  | 'term'
  | 'previous'
  | 'hash'
  | 'transaction'
  | 'root'
  | 'hold'
  | 'floor'
  | 'period'
  | 'head'
  | 'account'
  | 'balance'
  | 'sum'
  | 'open_hold'
  | 'held'
  | 'entries';

export type AuditReport =
  | {
      readonly ok: true;
      readonly batches: number;
      readonly transactions: number;
      readonly postings: number;
      readonly accounts: number;
      /** The last batch's hash, lower-case hex. */
      readonly head: string;
    }
  | {
      readonly ok: false;
      readonly check: Check;
      /** The batch at fault; absent where the log is whole and what was derived from it is not. */
      readonly batch?: number;
      readonly detail: string;
    };

/** Ends the audit where the first difference is found. */
export class Difference extends Error {
  readonly report: AuditReport & { readonly ok: false };

  constructor(check: Check, { batch, detail }: { batch?: number; detail: string }) {
    super(detail);
    this.report = { ok: false, check, batch, detail };
  }
}

/** A numeric as PostgreSQL prints it; undefined for one that counts no units: NaN passes every constraint. */
export const unitsOf = (numeric: string): bigint | undefined =>
  /^-?\d+$/.test(numeric) ? BigInt(numeric) : undefined;
