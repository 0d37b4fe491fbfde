/**
 * The ledger's rules, as one function from state and command to outcome: no clock, no randomness, no database.
 *
 * A refused command changes nothing. A posted one is folded into the state in place (copying a million balances for each
 * command would cost more than everything else); a writer whose batch did not become durable throws its state away.
 */
import { type Id, MAX_UNITS, OpenLedgerError } from '@openledger/protocol';
import { mayBeNegative } from './account.ts';
import { type Command, keyOf, type Posting, payloadHash } from './command.ts';
import { asOriginal, planReversal } from './reversal.ts';
import { changesOf, type OpenHold, type Original, type State } from './state.ts';
import type { Transaction } from './transaction.ts';

export type Outcome =
  | { readonly kind: 'posted'; readonly transaction: Transaction }
  | {
      readonly kind: 'replayed';
      readonly transactionId: Id<'transaction'>;
      readonly sequence: number;
    }
  | { readonly kind: 'refused'; readonly error: OpenLedgerError };

/** @param now the time written down, and the id to use where the command brings none */
export function apply(
  state: State,
  command: Command,
  now: { readonly at: Date; readonly freshId: Id<'transaction'> },
): Outcome {
  try {
    return decide(state, command, now);
  } catch (error) {
    if (error instanceof OpenLedgerError) return { kind: 'refused', error };
    throw error;
  }
}

function decide(
  state: State,
  command: Command,
  { at, freshId }: { readonly at: Date; readonly freshId: Id<'transaction'> },
): Outcome {
  const idempotencyKey = keyOf(command);
  const payload = payloadHash(command);
  const before = state.recorded.get(idempotencyKey);
  if (before?.payload === payload) {
    return {
      kind: 'replayed',
      transactionId: before.transactionId,
      sequence: before.sequence,
    };
  }
  if (before) throw conflict(command, before.transactionId);

  const effect = plan(state, command);
  const transaction: Transaction = {
    transactionId: ownId(state, command) ?? freshId,
    sequence: state.sequence + 1,
    kind: command.kind,
    idempotencyKey,
    payload,
    at,
    effectiveAt: command.kind === 'post' ? command.effectiveAt : undefined,
    reason: command.kind === 'expire' ? 'expired' : command.reason,
    reference: command.kind === 'expire' ? undefined : command.reference,
    holdId: 'holdId' in command ? command.holdId : undefined,
    expiresAt: effect.opens?.expiresAt,
    reverses: command.kind === 'reverse' ? command.transactionId : undefined,
    postings: effect.postings,
  };
  move(state, effect.postings);
  record(state, transaction, effect);
  return { kind: 'posted', transaction };
}

/** The postings of a command, and what becomes of holds and originals. */
type Effect = {
  readonly postings: readonly Posting[];
  readonly opens?: OpenHold;
  readonly ends?: OpenHold;
  readonly reversed?: readonly [Id<'transaction'>, Original];
};

function plan(state: State, command: Command): Effect {
  switch (command.kind) {
    case 'post':
      return { postings: command.postings };
    case 'hold': {
      const { holdId, from: source, to: held, amount, asset, expiresAt } = command;
      return {
        postings: [{ from: source, to: held, amount, asset }],
        opens: { holdId, source, held, amount, asset, expiresAt },
      };
    }
    case 'capture': {
      const hold = openHold(state, command.holdId);
      return { postings: capturePostings(hold, command.postings), ends: hold };
    }
    case 'release':
    case 'expire': {
      const hold = openHold(state, command.holdId);
      return { postings: [givenBack(hold)], ends: hold };
    }
    case 'reverse': {
      const original = state.originals.get(command.transactionId);
      if (!original) {
        throw new OpenLedgerError('not_found', `There is no ${command.transactionId}.`);
      }
      const { postings, after } = planReversal(original, command.amount);
      return { postings, reversed: [command.transactionId, after] };
    }
  }
}

const givenBack = ({ source, held, amount, asset }: OpenHold): Posting => ({
  from: held,
  to: source,
  amount,
  asset,
});

/**
 * The whole hold goes back and what is captured is paid from there: the net is the same as paying out of the hold, and a
 * later reversal finds the payer's own account.
 */
function capturePostings(
  hold: OpenHold,
  payments: readonly { readonly to: string; readonly amount: bigint }[],
): readonly Posting[] {
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
  return [givenBack(hold), ...payments.map(({ to, amount }) => ({ from, to, amount, asset }))];
}

function openHold(state: State, holdId: Id<'hold'>): OpenHold {
  const hold = state.holds.get(holdId);
  if (!hold) throw new OpenLedgerError('not_found', `There is no open hold ${holdId}.`);
  return hold;
}

/** The id that the caller chose. @throws conflict when another transaction bears it */
function ownId(state: State, command: Command): Id<'transaction'> | undefined {
  if (command.kind !== 'post' && command.kind !== 'capture') return undefined;
  const { transactionId } = command;
  if (transactionId && state.originals.has(transactionId)) {
    throw new OpenLedgerError('conflict', `${transactionId} is another transaction.`, {
      transactionId,
    });
  }
  return transactionId;
}

function conflict(command: Command, transactionId: Id<'transaction'>): OpenLedgerError {
  const sentence =
    'idempotencyKey' in command
      ? 'The idempotency key was used for something else.'
      : command.kind === 'hold'
        ? 'The hold exists, and is another.'
        : 'The hold has already ended, and otherwise.';
  return new OpenLedgerError('conflict', sentence, { key: keyOf(command), transactionId });
}

/** Changes balances, all or none: what counts is where each account stands after the whole transaction. */
function move(state: State, postings: readonly Posting[]): void {
  const changes = [...changesOf(postings)].map(([book, change]) => {
    const balance = (state.accounts.get(book)?.balance ?? 0n) + change;
    assertBalance(book, balance, change);
    return { book, balance };
  });
  for (const { book, balance } of changes) {
    const [account, asset] = book.split(' ');
    const number = state.accounts.get(book)?.number ?? ++state.account;
    state.accounts.set(book, { account, asset, number, balance });
  }
}

function assertBalance(book: string, balance: bigint, change: bigint): void {
  const [account, asset] = book.split(' ');
  if (balance < 0n && change < 0n && !mayBeNegative(account)) {
    throw new OpenLedgerError('insufficient_funds', `${account} does not have that much.`, {
      account,
      asset,
      available: (balance - change).toString(),
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
  const { transactionId, sequence, payload, idempotencyKey } = transaction;
  state.sequence = sequence;
  state.recorded.set(idempotencyKey, { transactionId, sequence, payload });
  state.originals.set(transactionId, asOriginal(transaction));
  if (effect.reversed) state.originals.set(...effect.reversed);
  if (effect.opens) state.holds.set(effect.opens.holdId, effect.opens);
  if (effect.ends) state.holds.delete(effect.ends.holdId);
}
