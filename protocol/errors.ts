/** Expected failures: one class, a closed list of codes, and the HTTP status of each, mapped in one place. */

export const errorStatus = {
  invalid_input: 400,
  unauthorized: 401,
  insufficient_funds: 402,
  payment_required: 402,
  forbidden: 403,
  purpose_not_licensed: 403,
  not_found: 404,
  model_not_found: 404,
  conflict: 409,
  licences_conflict: 409,
  too_large: 413,
  not_canonical: 422,
  unprocessable: 422,
  rate_limited: 429,
  operator_failed: 502,
  unavailable: 503,
} as const;

export type ErrorCode = keyof typeof errorStatus;

export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(errorStatus, code);

/** A failure the caller can do something about: a code from the list, a sentence, the facts. */
export class OpenLedgerError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
    this.name = 'OpenLedgerError';
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return errorStatus[this.code];
  }
}
