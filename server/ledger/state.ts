/** What the writer knows: balances and open holds, and of the log only what the commands at hand ask about. */
import type { Id } from '@openledger/protocol';
import { type AccountKey, bookOf } from './account.ts';
import type { Posting } from './command.ts';
import type { Transaction } from './transaction.ts';

/** A balance may fall below zero only where the account may. Numbers name accounts in the log's rows. */
export type Account = AccountKey & {
  readonly number: number;
  balance: bigint;
  /** What the transaction that is being judged changes it by. */
  moving: bigint;
  /** The last transaction that was judged and touches it. */
  touchedBy: number;
  /** What the batch that is being made changes it by, and in which transactions. */
  change: bigint;
  sequences: number[];
};

export type OpenHold = {
  readonly holdId: Id<'hold'>;
  /** Where the money came from and what is not captured returns to. */
  readonly source: string;
  readonly held: string;
  readonly asset: string;
  /** What is still held. */
  readonly amount: bigint;
  readonly expiresAt: Date;
  /** A lease's fencing token; a hold has none. */
  readonly token: number | undefined;
};

/** A transaction that may be reversed: its legs, and of each what has not been reversed yet. */
export type Original = {
  readonly kind: Transaction['kind'];
  readonly legs: readonly Posting[];
  readonly remaining: readonly bigint[];
};

/** What of the log the commands of a batch ask about. */
export type Memory = {
  readonly recorded: Map<Id<'transaction'>, Transaction>;
  readonly originals: Map<Id<'transaction'>, Original>;
};

export type State = {
  /** The last sequence and account number given out. */
  sequence: number;
  account: number;
  /** By book; authoritative for every account it holds, silent about the others. */
  readonly accounts: Map<string, Account>;
  /** The accounts that the batch that is being made touches. */
  touched: Account[];
  /** Every open hold. */
  readonly holds: Map<Id<'hold'>, OpenHold>;
  /** Of the batch at hand, and of the one before it, which may not be durable yet. */
  memory: Memory;
  before: Memory;
};

const emptyMemory = (): Memory => ({ recorded: new Map(), originals: new Map() });

export const emptyState = (): State => ({
  sequence: 0,
  account: 0,
  accounts: new Map(),
  touched: [],
  holds: new Map(),
  memory: emptyMemory(),
  before: emptyMemory(),
});

export const newAccount = (key: AccountKey, number: number, balance: bigint): Account => ({
  ...key,
  number,
  balance,
  moving: 0n,
  touchedBy: 0,
  change: 0n,
  sequences: [],
});

/** Begins a batch: what the one before the last asked about is durable, and forgotten. */
export function beginBatch(state: State): void {
  state.before = state.memory;
  state.memory = emptyMemory();
}

export const recordedIn = (state: State, id: Id<'transaction'>): Transaction | undefined =>
  state.memory.recorded.get(id) ?? state.before.recorded.get(id);

export const originalIn = (state: State, id: Id<'transaction'>): Original | undefined =>
  state.memory.originals.get(id) ?? state.before.originals.get(id);

/** What postings change, netted by book; a book that ends where it began stands with 0. */
export function changesOf(postings: Iterable<Posting>): Map<string, bigint> {
  const changes = new Map<string, bigint>();
  for (const { from, to, amount, asset } of postings) {
    const source = bookOf(from, asset);
    const target = bookOf(to, asset);
    changes.set(source, (changes.get(source) ?? 0n) - amount);
    changes.set(target, (changes.get(target) ?? 0n) + amount);
  }
  return changes;
}
