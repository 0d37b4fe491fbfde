/** Does a command ask for what a transaction has done? Compared by content, so that no copy of the wish has to be kept. */
import { isHeld } from './account.ts';
import type { Command, Posting } from './command.ts';
import type { Transaction } from './transaction.ts';

/**
 * Whether the transaction is what this command would have become. A reversal of all that remained is the same as one of that
 * amount.
 */
export function isSameWish(transaction: Transaction, command: Command): boolean {
  if (transaction.kind !== command.kind) return false;
  if (command.kind === 'expire') return true;
  const { postings } = transaction;
  if (transaction.reason !== command.reason || transaction.reference !== command.reference) {
    return false;
  }
  switch (command.kind) {
    case 'post':
      return (
        sameTime(transaction.effectiveAt, command.effectiveAt) &&
        postings.length === command.postings.length &&
        postings.every((posting, leg) => samePosting(posting, command.postings[leg]))
      );
    case 'lease':
    case 'hold':
      return (
        sameTime(transaction.expiresAt, command.expiresAt) &&
        transaction.token === ('token' in command ? command.token : undefined) &&
        samePosting(postings[0], command)
      );
    case 'renew':
      return (
        transaction.holdId === command.holdId &&
        transaction.token === command.token &&
        sameTime(transaction.expiresAt, command.expiresAt) &&
        sumOf(postings) === command.amount
      );
    case 'draw':
      if (transaction.holdId !== command.holdId || transaction.token !== command.token)
        return false;
      return samePayments(postings, command.postings);
    case 'capture':
      return samePayments(postings, command.postings);
    case 'release':
      return transaction.token === command.token;
    case 'reverse':
      return (
        transaction.reverses === command.reverses &&
        (command.amount === undefined || command.amount === sumOf(postings))
      );
  }
}

const samePosting = (a: Posting, b: Posting): boolean =>
  a.amount === b.amount && a.from === b.from && a.to === b.to && a.asset === b.asset;

function samePayments(
  postings: readonly Posting[],
  payments: readonly Pick<Posting, 'to' | 'amount'>[],
): boolean {
  const paid = postings.filter(({ from }) => !isHeld(from));
  return (
    paid.length === payments.length &&
    paid.every(({ to, amount }, leg) => to === payments[leg].to && amount === payments[leg].amount)
  );
}

const sameTime = (a: Date | undefined, b: Date | undefined): boolean =>
  a?.getTime() === b?.getTime();

const sumOf = (postings: readonly Posting[]): bigint =>
  postings.reduce((sum, { amount }) => sum + amount, 0n);
