/** From commands to a batch: what they ask about is fetched, each is judged in turn, and what they change is summed up. */
import type { Id } from '@openledger/protocol';
import { type AccountKey, bookOf } from './account.ts';
import { apply, type Outcome } from './apply.ts';
import { type Command, type Posting, transactionIdOf } from './command.ts';
import { encodeLegs } from './legs.ts';
import { beginBatch, newAccount, originalIn, recordedIn, type State } from './state.ts';
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
      legs: encodeLegs(sides, transaction.postings),
    })),
    ...takeTouched(state, head.account),
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

  const unknown = unknownBooks(state, commands);
  if (unknown.size === 0) return;
  for (const { number, balance, ...key } of await term.readAccounts([...unknown.values()])) {
    state.accounts.set(bookOf(key.account, key.asset), newAccount(key, number, balance));
  }
}

/** Every book that the commands may touch and the state does not have. */
function unknownBooks(state: State, commands: readonly Command[]): ReadonlyMap<string, AccountKey> {
  const unknown = new Map<string, AccountKey>();
  const begun = new Map<Id<'hold'>, Begun>();
  for (const command of commands) {
    if (command.kind === 'hold' || command.kind === 'lease') begun.set(command.holdId, command);
    for (const { from, to, asset } of mayMove(state, command, begun)) {
      noteUnknown(unknown, state, from, asset);
      noteUnknown(unknown, state, to, asset);
    }
  }
  return unknown;
}

function noteUnknown(
  unknown: Map<string, AccountKey>,
  state: State,
  account: string,
  asset: string,
): void {
  const book = bookOf(account, asset);
  if (!state.accounts.has(book)) unknown.set(book, { account, asset });
}

/** The sides that a command may move money between. @param begun holds of earlier commands of the same batch */
function mayMove(
  state: State,
  command: Command,
  begun: ReadonlyMap<Id<'hold'>, Begun>,
): readonly Sides[] {
  switch (command.kind) {
    case 'post':
      return command.postings;
    case 'hold':
    case 'lease':
      return [command];
    case 'reverse': {
      const original = originalIn(state, command.reverses)?.legs;
      return original ?? recordedIn(state, command.reverses)?.postings ?? [];
    }
    default: {
      const hold = state.holds.get(command.holdId);
      const first = begun.get(command.holdId);
      if (!hold && !first) return []; // there is no such hold, and the reducer will say so
      const { from, to, asset } = hold
        ? { from: hold.source, to: hold.held, asset: hold.asset }
        : (first as Begun);
      const paid = 'postings' in command ? command.postings : [];
      return [{ from, to, asset }, ...paid.map((payment) => ({ from, to: payment.to, asset }))];
    }
  }
}

type Sides = Omit<Posting, 'amount'>;
type Begun = Extract<Command, { kind: 'hold' | 'lease' }>;

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

/** What changed since the batch began; the accounts are ready for the next one. @param before the last number of old */
function takeTouched(state: State, before: number): Pick<Write, 'opened' | 'moved'> {
  const opened: Write['opened'][number][] = [];
  const moved: Write['moved'][number][] = [];
  for (const one of state.touched) {
    const { account, asset, number, balance, change, sequences } = one;
    if (number > before) opened.push({ account, asset, number, balance, change, sequences });
    else moved.push({ number, change, sequences });
    one.change = 0n;
    one.sequences = [];
  }
  state.touched = [];
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
