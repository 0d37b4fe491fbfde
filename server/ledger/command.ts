/** What the ledger can be asked to do, how each wish is checked, and what makes two wishes the same. */
import {
  type CanonicalValue,
  canonicalHash,
  type Id,
  isId,
  MAX_UNITS,
  OPEN,
  OpenLedgerError,
} from '@openledger/protocol';
import { accountKey, isHeld } from './account.ts';

/** Two sides in one row: a transaction balances by construction. */
export type Posting = {
  readonly from: string;
  readonly to: string;
  /** Units, 1 to 2^256 - 1. */
  readonly amount: bigint;
  readonly asset: string;
};

/** A posting as callers write it; the asset is OPEN where none is named. */
export type PostingInput = Omit<Posting, 'asset'> & { readonly asset?: string };

type Why = {
  /** A short word for people and statements, e.g. `fees.routed`. */
  readonly reason: string;
  /** What it belongs to, e.g. an inference's id. */
  readonly reference?: string;
};

export type Post = Why & {
  readonly idempotencyKey: string;
  /** A name of the caller's making; where it is left out the ledger makes one. */
  readonly transactionId?: Id<'transaction'>;
  /** When it happened, where that is not now. Statements order by sequence, not by this. */
  readonly effectiveAt?: Date;
  readonly postings: readonly PostingInput[];
};

/** Moves money from an account to its owner's `:held`. The hold's id is its idempotency key. */
export type Hold = Why & {
  readonly holdId: Id<'hold'>;
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
  readonly asset?: string;
  readonly expiresAt: Date;
};

/** Pays at most the hold to anywhere; the rest goes back. */
export type Capture = Why & {
  readonly holdId: Id<'hold'>;
  readonly transactionId?: Id<'transaction'>;
  readonly postings: readonly { readonly to: string; readonly amount: bigint }[];
};

/** Gives the whole hold back. */
export type Release = Why & { readonly holdId: Id<'hold'> };

/** Undoes a part of a post or of a capture, or all that remains of it where no amount is named. */
export type Reverse = Why & {
  readonly idempotencyKey: string;
  readonly transactionId: Id<'transaction'>;
  /** Units of the sum of the original's legs. */
  readonly amount?: bigint;
};

export type Command =
  | (Post & { readonly kind: 'post'; readonly postings: readonly Posting[] })
  | (Hold & { readonly kind: 'hold'; readonly asset: string })
  | (Capture & { readonly kind: 'capture' })
  | (Release & { readonly kind: 'release' })
  | { readonly kind: 'expire'; readonly holdId: Id<'hold'> }
  | (Reverse & { readonly kind: 'reverse' });

/** Wishes as commands: defaults filled in and nothing else taken along, so that equal wishes are equal commands. */
export const commands = {
  post: (wish: Post): Command => ({
    kind: 'post',
    ...whyOf(wish),
    idempotencyKey: wish.idempotencyKey,
    transactionId: wish.transactionId,
    effectiveAt: wish.effectiveAt,
    postings: wish.postings.map(({ from, to, amount, asset = OPEN }) => ({
      from,
      to,
      amount,
      asset,
    })),
  }),
  hold: (wish: Hold): Command => ({
    kind: 'hold',
    ...whyOf(wish),
    holdId: wish.holdId,
    from: wish.from,
    to: wish.to,
    amount: wish.amount,
    asset: wish.asset ?? OPEN,
    expiresAt: wish.expiresAt,
  }),
  capture: (wish: Capture): Command => ({
    kind: 'capture',
    ...whyOf(wish),
    holdId: wish.holdId,
    transactionId: wish.transactionId,
    postings: wish.postings.map(({ to, amount }) => ({ to, amount })),
  }),
  release: (wish: Release): Command => ({
    kind: 'release',
    ...whyOf(wish),
    holdId: wish.holdId,
  }),
  expire: (holdId: Id<'hold'>): Command => ({ kind: 'expire', holdId }),
  reverse: (wish: Reverse): Command => ({
    kind: 'reverse',
    ...whyOf(wish),
    idempotencyKey: wish.idempotencyKey,
    transactionId: wish.transactionId,
    amount: wish.amount,
  }),
};

const whyOf = ({ reason, reference }: Why): Why => ({ reason, reference });

/** The most postings in one transaction; a larger roll-up is several transactions. */
export const MAX_POSTINGS = 10_000;

/**
 * The command's idempotency key. Holds need none from the caller: a hold begins once and ends once, so capturing and
 * releasing compete for one key. Callers' keys begin with a letter or a digit and cannot meet these.
 */
export function keyOf(command: Command): string {
  if (command.kind === 'hold') return `#hold:${command.holdId}`;
  if ('idempotencyKey' in command) return command.idempotencyKey;
  return `#end:${command.holdId}`;
}

/** SHA-256 of the canonical command: the same wish has the same hash. */
export const payloadHash = (command: Command): string =>
  canonicalHash(canonicalForm(command) as CanonicalValue);

const canonicalForm = (value: unknown): unknown => {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(canonicalForm);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, canonicalForm(part)]),
  );
};

/** What is wrong with the command whatever the balances: an invalid_input, or nothing. */
export function flawOf(command: Command): OpenLedgerError | undefined {
  try {
    checkCommand(command);
    return undefined;
  } catch (error) {
    if (error instanceof OpenLedgerError) return error;
    throw error;
  }
}

function checkCommand(command: Command): void {
  if ('idempotencyKey' in command) {
    assertText(command.idempotencyKey, /^[A-Za-z0-9][\x21-\x7e]{0,199}$/, 'idempotency key');
  }
  if ('reason' in command) assertText(command.reason, PLAIN, 'reason');
  if ('reference' in command && command.reference !== undefined) {
    assertText(command.reference, PLAIN, 'reference');
  }
  if ('holdId' in command && !isId('hold', command.holdId)) {
    throw new OpenLedgerError('invalid_input', `"${command.holdId}" is not a hold's id.`);
  }
  if ('transactionId' in command && command.transactionId !== undefined) {
    assertText(command.transactionId, /^txn_[0-9a-f]{32}$/, "transaction's id");
  }
  if ('effectiveAt' in command && command.effectiveAt) assertDate(command.effectiveAt);
  checkMoney(command);
}

const PLAIN = /^[^\p{Cc}\p{Cs}]{1,200}$/u; // no control characters, no lone surrogates

function checkMoney(command: Command): void {
  switch (command.kind) {
    case 'post':
      assertPostings(command.postings);
      for (const posting of command.postings) checkPosting(posting);
      return;
    case 'hold':
      accountKey(command.from, command.asset);
      accountKey(command.to, command.asset);
      assertAmount(command.amount);
      assertDate(command.expiresAt);
      if (!isHeld(command.to) || isHeld(command.from)) {
        throw new OpenLedgerError('invalid_input', 'A hold goes into an account named ...:held.', {
          from: command.from,
          to: command.to,
        });
      }
      return;
    case 'capture':
      assertPostings(command.postings);
      for (const { to, amount } of command.postings) {
        accountKey(to);
        assertAmount(amount);
        refuseHeld(to);
      }
      return;
    case 'reverse':
      if (command.amount !== undefined) assertAmount(command.amount);
  }
}

function checkPosting({ from, to, amount, asset }: Posting): void {
  accountKey(from, asset);
  accountKey(to, asset);
  assertAmount(amount);
  refuseHeld(from);
  refuseHeld(to);
  if (from === to) {
    throw new OpenLedgerError('invalid_input', 'A posting needs two accounts.', { account: from });
  }
}

function refuseHeld(account: string): void {
  if (!isHeld(account)) return;
  throw new OpenLedgerError('invalid_input', 'Held money moves only through its hold.', {
    account,
  });
}

function assertPostings(postings: readonly unknown[]): void {
  if (postings.length >= 1 && postings.length <= MAX_POSTINGS) return;
  throw new OpenLedgerError(
    'invalid_input',
    `A transaction has 1 to ${MAX_POSTINGS} postings, not ${postings.length}.`,
  );
}

function assertAmount(amount: bigint): void {
  if (amount > 0n && amount <= MAX_UNITS) return;
  throw new OpenLedgerError('invalid_input', 'An amount is 1 to 2^256 - 1 units.', {
    amount: amount.toString(),
  });
}

function assertDate(date: Date): void {
  const year = date.getUTCFullYear();
  if (year >= 1970 && year <= 9999) return;
  throw new OpenLedgerError('invalid_input', 'A date lies between the years 1970 and 9999.');
}

function assertText(text: string, form: RegExp, name: string): void {
  if (form.test(text)) return;
  throw new OpenLedgerError('invalid_input', `This is not a ${name}.`, { [name]: text });
}
