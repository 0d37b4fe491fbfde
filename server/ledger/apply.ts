/**
 * The ledger's rules, as one function from state and command to outcome: no clock, no randomness, no database.
 *
 * A refused command changes nothing. A posted one is folded into the state in place (copying a million balances for each
 * command would cost more than everything else); a writer whose batch did not become durable throws its state away.
 */
import { type Id, MAX_UNITS, OpenLedgerError } from '@openledger/protocol';
import { type AccountKey, bookOf, mayBeNegative } from './account.ts';
import { type Command, type Posting, transactionIdOf } from './command.ts';
import { asOriginal, planReversal } from './reversal.ts';
import { isSameWish } from './same-wish.ts';
import {
  type Account,
  newAccount,
  type OpenHold,
  type Original,
  originalIn,
  recordedIn,
  type State,
} from './state.ts';
import type { Transaction } from './transaction.ts';

export type Outcome =
  | {
      readonly kind: 'posted';
      readonly transaction: Transaction;
      /** Of each posting, in turn, the account that pays and the one that is paid. */
      readonly sides: readonly Account[];
    }
  | {
      readonly kind: 'replayed';
      readonly transactionId: Id<'transaction'>;
      readonly sequence: number;
    }
  | { readonly kind: 'refused'; readonly error: OpenLedgerError };

/** @param at the time written down */
export function apply(state: State, command: Command, at: Date): Outcome {
  try {
    return decide(state, command, at);
  } catch (error) {
    if (error instanceof OpenLedgerError) return { kind: 'refused', error };
    throw error;
  }
}

function decide(state: State, command: Command, at: Date): Outcome {
  const transactionId = transactionIdOf(command);
  const before = recordedIn(state, transactionId);
  if (before && isSameWish(before, command)) {
    return { kind: 'replayed', transactionId, sequence: before.sequence };
  }
  if (before) throw conflict(command, before);

  const effect = plan(state, command, at);
  const transaction: Transaction = {
    transactionId,
    sequence: state.sequence + 1,
    kind: command.kind,
    at,
    effectiveAt: command.kind === 'post' ? command.effectiveAt : undefined,
    reason: command.kind === 'expire' ? 'expired' : command.reason,
    reference: command.kind === 'expire' ? undefined : command.reference,
    holdId: 'holdId' in command ? command.holdId : undefined,
    expiresAt: effect.lasts,
    reverses: command.kind === 'reverse' ? command.reverses : undefined,
    token: 'token' in command ? command.token : undefined,
    postings: effect.postings,
  };
  const sides = move(state, effect.postings);
  record(state, transaction, effect);
  return { kind: 'posted', transaction, sides };
}

/** The postings of a command, and what becomes of holds and originals. */
type Effect = {
  readonly postings: readonly Posting[];
  /** As the hold stands after it. */
  readonly keeps?: OpenHold;
  readonly lasts?: Date;
  readonly ends?: OpenHold;
  readonly reversed?: readonly [Id<'transaction'>, Original];
};

function plan(state: State, command: Command, at: Date): Effect {
  switch (command.kind) {
    case 'post':
      return { postings: command.postings };
    case 'hold':
    case 'lease': {
      const { holdId, from: source, to: held, amount, asset, expiresAt } = command;
      const token = command.kind === 'lease' ? command.token : undefined;
      return {
        postings: [{ from: source, to: held, amount, asset }],
        keeps: { holdId, source, held, amount, asset, expiresAt, token },
        lasts: expiresAt,
      };
    }
    case 'renew': {
      const lease = ownLease(state, command, at);
      const { amount, token, expiresAt } = command;
      const { source: from, held: to, asset } = lease;
      return {
        postings: amount === 0n ? [] : [{ from, to, amount, asset }],
        keeps: { ...lease, token, expiresAt, amount: lease.amount + amount },
        lasts: expiresAt,
      };
    }
    case 'draw': {
      const lease = ownLease(state, command, at);
      const { drawn, postings } = payFrom(lease, command.postings);
      return { postings, keeps: { ...lease, amount: lease.amount - drawn } };
    }
    case 'capture': {
      const hold = openHold(state, command.holdId);
      if (hold.token !== undefined)
        refuse('conflict', 'A lease is drawn from, not captured.', hold);
      const { postings } = payFrom(hold, command.postings, hold.amount);
      return { postings, ends: hold };
    }
    case 'release': {
      const hold = openHold(state, command.holdId);
      if (hold.token !== command.token) throw fencedOff(hold);
      return { postings: givenBack(hold, hold.amount), ends: hold };
    }
    case 'expire': {
      const hold = openHold(state, command.holdId);
      if (at < hold.expiresAt) refuse('conflict', `${hold.holdId} has time left.`, hold);
      return { postings: givenBack(hold, hold.amount), ends: hold };
    }
    case 'reverse': {
      const original = originalOf(state, command.reverses);
      if (!original) {
        throw new OpenLedgerError('not_found', `There is no ${command.reverses}.`);
      }
      const { postings, after } = planReversal(original, command.amount);
      return { postings, reversed: [command.reverses, after] };
    }
  }
}

function originalOf(state: State, id: Id<'transaction'>): Original | undefined {
  const recorded = recordedIn(state, id);
  return originalIn(state, id) ?? (recorded && asOriginal(recorded));
}

/** The lease, for the one who has its token, before its time is over. Only a renewal may bring a higher token. */
function ownLease(
  state: State,
  { kind, holdId, token }: Extract<Command, { kind: 'renew' | 'draw' }>,
  at: Date,
): OpenHold {
  const lease = openHold(state, holdId);
  if (lease.token === undefined) refuse('conflict', `${holdId} is a hold, not a lease.`, lease);
  if (token < lease.token || (kind === 'draw' && token > lease.token)) throw fencedOff(lease);
  if (at > lease.expiresAt) refuse('conflict', `The lease ${holdId} has expired.`, lease);
  return lease;
}

const fencedOff = ({ holdId }: OpenHold): OpenLedgerError =>
  new OpenLedgerError('conflict', `${holdId} is held under another token.`, { holdId });

function refuse(code: 'conflict', sentence: string, { holdId }: OpenHold): never {
  throw new OpenLedgerError(code, sentence, { holdId });
}

/** An emptied lease gives nothing back. */
const givenBack = ({ source, held, asset }: OpenHold, amount: bigint): readonly Posting[] =>
  amount === 0n ? [] : [{ from: held, to: source, amount, asset }];

/**
 * What is taken out of the hold goes back and is paid from there: the net is the same as paying out of the hold, and a
 * later reversal finds the payer's own account.
 *
 * @param taken how much leaves the hold; what is paid, where it is not more
 */
function payFrom(
  hold: OpenHold,
  payments: readonly { readonly to: string; readonly amount: bigint }[],
  taken?: bigint,
): { readonly drawn: bigint; readonly postings: readonly Posting[] } {
  const total = payments.reduce((sum, { amount }) => sum + amount, 0n);
  if (total > hold.amount) {
    throw new OpenLedgerError('insufficient_funds', 'The capture is larger than its hold.', {
      account: hold.held,
      asset: hold.asset,
      available: hold.amount.toString(),
      missing: (total - hold.amount).toString(),
    });
  }
  if (payments.some(({ to }) => to === hold.source)) {
    throw new OpenLedgerError('invalid_input', 'A capture pays others, not the payer.', {
      account: hold.source,
    });
  }
  const { source: from, asset } = hold;
  const paid = payments.map(({ to, amount }) => ({ from, to, amount, asset }));
  return { drawn: total, postings: [...givenBack(hold, taken ?? total), ...paid] };
}

function openHold(state: State, holdId: Id<'hold'>): OpenHold {
  const hold = state.holds.get(holdId);
  if (!hold) throw new OpenLedgerError('not_found', `There is no open hold ${holdId}.`);
  return hold;
}

function conflict(command: Command, { transactionId }: Transaction): OpenLedgerError {
  const sentence =
    'transactionId' in command
      ? `${transactionId} was used for something else.`
      : command.kind === 'hold' || command.kind === 'lease'
        ? 'The hold exists, and is another.'
        : 'The hold has already ended, and otherwise.';
  return new OpenLedgerError('conflict', sentence, { transactionId });
}

/** A transaction that is being judged: the accounts that it touches, each once, and the new ones among them. */
type Move = {
  readonly sequence: number;
  readonly touched: Account[];
  readonly opened: Map<string, Account>;
};

/** Changes balances, all or none: what counts is where each account stands after the whole transaction. */
function move(state: State, postings: readonly Posting[]): readonly Account[] {
  const sequence = state.sequence + 1;
  const judged: Move = { sequence, touched: [], opened: new Map() };
  const sides: Account[] = [];
  let source: Account | undefined; // mostly one account pays every leg
  for (const { from, to, amount, asset } of postings) {
    if (source?.account !== from || source.asset !== asset) {
      source = touch(state, judged, { account: from, asset });
    }
    const target = touch(state, judged, { account: to, asset });
    source.moving -= amount;
    target.moving += amount;
    sides.push(source, target);
  }
  const { touched, opened } = judged;
  try {
    for (const account of touched) assertBalance(account);
  } catch (error) {
    for (const account of touched) account.touchedBy = 0; // the next one has the same sequence
    throw error;
  }
  for (const account of touched) {
    account.balance += account.moving;
    account.change += account.moving;
    if (account.sequences.length === 0) state.touched.push(account);
    account.sequences.push(sequence);
  }
  for (const [book, account] of opened) state.accounts.set(book, account);
  state.account += opened.size;
  return sides;
}

function touch(state: State, { sequence, touched, opened }: Move, key: AccountKey): Account {
  const book = bookOf(key.account, key.asset);
  let account = state.accounts.get(book) ?? opened.get(book);
  if (!account) {
    account = newAccount(key, state.account + opened.size + 1, 0n);
    opened.set(book, account);
  }
  if (account.touchedBy !== sequence) {
    account.touchedBy = sequence;
    account.moving = 0n;
    touched.push(account);
  }
  return account;
}

function assertBalance({ account, asset, balance: before, moving }: Account): void {
  const balance = before + moving;
  if (balance < 0n && moving < 0n && !mayBeNegative(account)) {
    throw new OpenLedgerError('insufficient_funds', `${account} does not have that much.`, {
      account,
      asset,
      available: before.toString(),
      missing: (-balance).toString(),
    });
  }
  if (balance > MAX_UNITS || balance < -MAX_UNITS) {
    throw new OpenLedgerError('unprocessable', `${account} would hold more than 2^256 - 1.`, {
      account,
      asset,
    });
  }
}

function record(state: State, transaction: Transaction, effect: Effect): void {
  state.sequence = transaction.sequence;
  state.memory.recorded.set(transaction.transactionId, transaction);
  if (effect.reversed) state.memory.originals.set(...effect.reversed);
  if (effect.keeps) state.holds.set(effect.keeps.holdId, effect.keeps);
  if (effect.ends) state.holds.delete(effect.ends.holdId);
}
