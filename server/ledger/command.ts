/** What the ledger can be asked to do, and how each wish is checked. A wish is named by the transaction it becomes. */
import { type Id, isId, MAX_UNITS, OPEN, OpenLedgerError } from '@openledger/protocol';
import { accountKey, isHeld } from './account.ts';
import { transactionIdFor } from './transaction-id.ts';

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
  /** The idempotency key: what was done under it once is done. `transactionIdFor` makes one that stays the same. */
  readonly transactionId: Id<'transaction'>;
  /** When it happened, where that is not now. Statements order by sequence, not by this. */
  readonly effectiveAt?: Date;
  readonly postings: readonly PostingInput[];
};

/** Moves money from an account to its owner's `:held`. The hold's id names the transaction as well. */
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
  readonly postings: readonly { readonly to: string; readonly amount: bigint }[];
};

/** Gives the whole hold back, or what is left of a lease; a lease's holder names the token he has. */
export type Release = Why & { readonly holdId: Id<'hold'>; readonly token?: number };

/**
 * A hold that is drawn from many times: a gateway's budget for one payer. Its token fences: whoever renews it with a higher
 * one is its only holder from then on. After `expiresAt` no draw is accepted, and the rest goes back.
 */
export type Lease = Hold & { readonly token: number };

/** Lengthens a lease, adds to it, or takes it over. */
export type Renew = Why & {
  readonly transactionId: Id<'transaction'>;
  readonly holdId: Id<'hold'>;
  /** At least the lease's own. */
  readonly token: number;
  /** Units added, 0 for none. */
  readonly amount: bigint;
  readonly expiresAt: Date;
};

/** Pays out of a lease, for one request: its transaction is the request's end. */
export type Draw = Capture & {
  readonly transactionId: Id<'transaction'>;
  readonly token: number;
};

/** Undoes a part of a post, a capture or a draw, or all that remains of it where no amount is named. */
export type Reverse = Why & {
  readonly transactionId: Id<'transaction'>;
  /** The transaction that is undone. */
  readonly reverses: Id<'transaction'>;
  /** Units of the sum of the original's legs. */
  readonly amount?: bigint;
};

export type Command =
  | (Post & { readonly kind: 'post'; readonly postings: readonly Posting[] })
  | (Hold & { readonly kind: 'hold'; readonly asset: string })
  | (Lease & { readonly kind: 'lease'; readonly asset: string })
  | (Renew & { readonly kind: 'renew' })
  | (Draw & { readonly kind: 'draw' })
  | (Capture & { readonly kind: 'capture' })
  | (Release & { readonly kind: 'release' })
  | { readonly kind: 'expire'; readonly holdId: Id<'hold'> }
  | (Reverse & { readonly kind: 'reverse' });

/** Wishes as commands: defaults filled in and nothing else taken along. */
export const commands = {
  post: ({ transactionId, effectiveAt, postings, ...why }: Post): Command => ({
    kind: 'post',
    ...whyOf(why),
    transactionId,
    effectiveAt,
    postings: postings.map(({ from, to, amount, asset = OPEN }) => ({ from, to, amount, asset })),
  }),
  hold: (wish: Hold): Command => ({ kind: 'hold', ...holdOf(wish) }),
  lease: (wish: Lease): Command => ({ kind: 'lease', ...holdOf(wish), token: wish.token }),
  renew: ({ transactionId, holdId, token, amount, expiresAt, ...why }: Renew): Command => ({
    kind: 'renew',
    ...whyOf(why),
    ...{ transactionId, holdId, token, amount, expiresAt },
  }),
  draw: ({ transactionId, token, ...capture }: Draw): Command => ({
    kind: 'draw',
    ...captureOf(capture),
    ...{ transactionId, token },
  }),
  capture: (wish: Capture): Command => ({ kind: 'capture', ...captureOf(wish) }),
  release: ({ holdId, token, ...why }: Release): Command => ({
    kind: 'release',
    ...whyOf(why),
    holdId,
    token,
  }),
  expire: (holdId: Id<'hold'>): Command => ({ kind: 'expire', holdId }),
  reverse: ({ transactionId, reverses, amount, ...why }: Reverse): Command => ({
    kind: 'reverse',
    ...whyOf(why),
    ...{ transactionId, reverses, amount },
  }),
};

const holdOf = ({ holdId, from, to, amount, asset = OPEN, expiresAt, ...why }: Hold) => ({
  ...whyOf(why),
  ...{ holdId, from, to, amount, asset, expiresAt },
});

const captureOf = ({ holdId, postings, ...why }: Capture) => ({
  ...whyOf(why),
  holdId,
  postings: postings.map(({ to, amount }) => ({ to, amount })),
});

const whyOf = ({ reason, reference }: Why): Why => ({ reason, reference });

/** The most postings in one transaction; a larger roll-up is several transactions. */
export const MAX_POSTINGS = 10_000;

/**
 * The transaction that a command becomes. A hold begins once and ends once, so capturing, releasing and expiring it compete
 * for one name.
 */
export function transactionIdOf(command: Command): Id<'transaction'> {
  if ('transactionId' in command) return command.transactionId;
  const begins = command.kind === 'hold' || command.kind === 'lease';
  return transactionIdFor(command.holdId, begins ? 'begin' : 'end');
}

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
  if ('reason' in command) assertText(command.reason, PLAIN, 'reason');
  if ('reference' in command && command.reference !== undefined) {
    assertText(command.reference, PLAIN, 'reference');
  }
  if ('holdId' in command && !isId('hold', command.holdId)) {
    throw new OpenLedgerError('invalid_input', `"${command.holdId}" is not a hold's id.`);
  }
  if ('transactionId' in command) assertTransactionId(command.transactionId);
  if (command.kind === 'reverse') assertTransactionId(command.reverses);
  if ('token' in command && command.token !== undefined) assertToken(command.token);
  if ('effectiveAt' in command && command.effectiveAt) assertDate(command.effectiveAt);
  checkMoney(command);
}

const PLAIN = /^[^\p{Cc}\p{Cs}]{1,200}$/u; // no control characters, no lone surrogates

function checkMoney(command: Command): void {
  switch (command.kind) {
    case 'post':
      assertPostings(command.postings);
      checkPostings(command.postings);
      return;
    case 'hold':
    case 'lease':
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
    case 'renew':
      if (command.amount !== 0n) assertAmount(command.amount);
      assertDate(command.expiresAt);
      return;
    case 'capture':
    case 'draw':
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

function checkPostings(postings: readonly Posting[]): void {
  for (const [leg, posting] of postings.entries()) checkPosting(posting, postings[leg - 1]);
}

/** @param before the leg before, which was checked: mostly the same account pays */
function checkPosting({ from, to, amount, asset }: Posting, before: Posting | undefined): void {
  if (from !== before?.from || asset !== before.asset) {
    accountKey(from, asset);
    refuseHeld(from);
  }
  accountKey(to, asset);
  refuseHeld(to);
  assertAmount(amount);
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

function assertTransactionId(id: string): void {
  if (isId('transaction', id)) return;
  throw new OpenLedgerError('invalid_input', `"${id}" is not a transaction's id.`, { id });
}

function assertToken(token: number): void {
  if (Number.isInteger(token) && token > 0 && token < 2 ** 31) return;
  throw new OpenLedgerError('invalid_input', `${token} is not a token.`);
}

function assertText(text: string, form: RegExp, name: string): void {
  if (form.test(text)) return;
  throw new OpenLedgerError('invalid_input', `This is not a ${name}.`, { [name]: text });
}
