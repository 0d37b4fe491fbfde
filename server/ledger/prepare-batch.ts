/** From commands to a batch: what they ask about is fetched, each is judged in turn, and what they change is summed up. */
import type { Id } from '@openledger/protocol';
import { type AccountKey, bookOf } from './account.ts';
import { apply, type Outcome } from './apply.ts';
import { type Command, transactionIdOf } from './command.ts';
import {
  type Account,
  beginBatch,
  newAccount,
  originalIn,
  recordedIn,
  type State,
} from './state.ts';
import type { Head, Term, Write } from './store.ts';
import { type Batch, batchHash, rootOf, type Transaction } from './transaction.ts';

export type Prepared = {
  readonly outcomes: readonly Outcome[];
  /** Undefined when the batch changes nothing. */
  readonly write: Write | undefined;
  /** Where the log ends after it. */
  readonly head: Head;
};

/**
 * Folds commands into the state. The batch before this one may still be on its way to the disk; the ones before that are
 * durable.
 */
export async function prepareBatch(
  term: Term,
  {
    state,
    head,
    commands,
    now,
  }: {
    readonly state: State;
    readonly head: Head;
    readonly commands: readonly Command[];
    readonly now: () => Date;
  },
): Promise<Prepared> {
  beginBatch(state);
  await load(term, state, commands);
  const at = now();
  const outcomes = commands.map((command) => apply(state, command, at));
  const posted = outcomes.filter((outcome) => outcome.kind === 'posted');
  if (posted.length === 0) return { outcomes, write: undefined, head };

  const transactions = posted.map(({ transaction }) => transaction);
  const batch = seal(term, head, transactions);
  const write: Write = {
    batch,
    transactions: posted.map(({ transaction, sides }) => ({
      transaction,
      ...numbersOf(sides),
    })),
    ...takeChanges(posted, head.account),
    ...holdChanges(state, transactions),
  };
  const { number, hash } = batch;
  return {
    outcomes,
    write,
    head: { number, hash, sequence: state.sequence, account: state.account },
  };
}

/** Fetches what the commands ask about, so that the reducer finds everything in the state. */
async function load(term: Term, state: State, commands: readonly Command[]): Promise<void> {
  const own = commands.map(transactionIdOf).filter((id) => !recordedIn(state, id));
  const reversed = commands
    .flatMap((command) => (command.kind === 'reverse' ? [command.reverses] : []))
    .filter((id) => !recordedIn(state, id) && !originalIn(state, id));
  const [recorded, originals] = await Promise.all([
    term.readRecorded(own),
    reversed.length > 0 ? term.readOriginals(reversed) : new Map(),
  ]);
  for (const transaction of recorded) {
    state.memory.recorded.set(transaction.transactionId, transaction);
  }
  for (const [id, original] of originals) state.memory.originals.set(id, original);

  const unknown = new Map<string, AccountKey>();
  for (const key of keysOf(state, commands)) {
    const book = bookOf(key.account, key.asset);
    if (!state.accounts.has(book)) unknown.set(book, key);
  }
  if (unknown.size === 0) return;
  for (const { number, balance, ...key } of await term.readAccounts([...unknown.values()])) {
    state.accounts.set(bookOf(key.account, key.asset), newAccount(key, number, balance));
  }
}

/** Every book that the commands may touch. */
function* keysOf(state: State, commands: readonly Command[]): Generator<AccountKey> {
  const begun = new Map(
    commands.flatMap((command) =>
      command.kind === 'hold' || command.kind === 'lease' ? [[command.holdId, command]] : [],
    ),
  );
  for (const command of commands) {
    switch (command.kind) {
      case 'post':
        yield* sidesOf(command.postings);
        break;
      case 'hold':
      case 'lease':
        yield* sidesOf([command]);
        break;
      case 'reverse': {
        const original = originalIn(state, command.reverses)?.legs;
        yield* sidesOf(original ?? recordedIn(state, command.reverses)?.postings ?? []);
        break;
      }
      default: {
        const hold = state.holds.get(command.holdId);
        const asset = hold?.asset ?? begun.get(command.holdId)?.asset;
        if (!asset) break; // there is no such hold, and the reducer will say so
        if (hold) yield* sidesOf([{ from: hold.source, to: hold.held, asset }]);
        if (!('postings' in command)) break;
        for (const { to } of command.postings) yield { account: to, asset };
      }
    }
  }
}

function* sidesOf(
  postings: readonly { readonly from: string; readonly to: string; readonly asset: string }[],
): Generator<AccountKey> {
  for (const { from, to, asset } of postings) {
    yield { account: from, asset };
    yield { account: to, asset };
  }
}

function seal(term: Term, head: Head, transactions: readonly Transaction[]): Batch {
  const content = {
    term: term.number,
    firstSequence: transactions[0].sequence,
    previous: head.hash,
    root: rootOf(transactions),
  };
  const hash = batchHash(content);
  return { ...content, number: head.number + 1, count: transactions.length, hash };
}

function numbersOf(sides: readonly Account[]): { froms: number[]; tos: number[] } {
  const froms: number[] = [];
  const tos: number[] = [];
  for (let i = 0; i < sides.length; i += 2) {
    froms.push(sides[i].number);
    tos.push(sides[i + 1].number);
  }
  return { froms, tos };
}

/** The net changes since the batch began; the accounts are ready for the next one. @param before the last number of old */
function takeChanges(
  posted: readonly { readonly sides: readonly Account[] }[],
  before: number,
): Pick<Write, 'opened' | 'moved'> {
  const opened: Write['opened'][number][] = [];
  const moved: Write['moved'][number][] = [];
  const seen = new Set<Account>();
  for (const { sides } of posted) {
    for (const one of sides) {
      if (seen.has(one)) continue;
      seen.add(one);
      const { account, asset, number, balance, change } = one;
      if (number > before) opened.push({ account, asset, number, balance });
      else if (change !== 0n) moved.push({ number, change });
      one.change = 0n;
    }
  }
  return { opened, moved };
}

/** Holds that outlive the batch, as they stand, and those that ended in it. */
function holdChanges(
  state: State,
  transactions: readonly Transaction[],
): Pick<Write, 'kept' | 'ended'> {
  const touched = new Set<Id<'hold'>>();
  for (const { holdId } of transactions) if (holdId) touched.add(holdId);
  const numberOf = (account: string, asset: string): number => {
    const known = state.accounts.get(bookOf(account, asset));
    if (!known) throw new Error(`${account} is held from and is not in the state.`);
    return known.number;
  };
  const kept: Write['kept'][number][] = [];
  const ended: Id<'hold'>[] = [];
  for (const holdId of touched) {
    const hold = state.holds.get(holdId);
    if (!hold) {
      ended.push(holdId);
      continue;
    }
    const { source, held, asset, amount, expiresAt, token } = hold;
    const accounts = { source: numberOf(source, asset), held: numberOf(held, asset) };
    kept.push({ holdId, ...accounts, amount, expiresAt, token });
  }
  return { kept, ended };
}
