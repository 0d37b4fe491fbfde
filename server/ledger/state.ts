/** What the writer knows: balances and open holds, and of the log only what the commands at hand ask about. */
import type { Id } from '@openledger/protocol';
import { type AccountKey, bookOf } from './account.ts';
import type { Posting } from './command.ts';
import type { Transaction } from './transaction.ts';

/** A balance may fall below zero only where the account may. Numbers name accounts in the log's rows. */
export type Account = AccountKey & { readonly number: number; readonly balance: bigint };

export type OpenHold = {
  readonly holdId: Id<'hold'>;
  /** Where the money came from and what is not captured returns to. */
  readonly source: string;
  readonly held: string;
  readonly asset: string;
  readonly amount: bigint;
  readonly expiresAt: Date;
};

/** A transaction that may be reversed: its legs, and of each what has not been reversed yet. */
export type Original = {
  readonly kind: Transaction['kind'];
  readonly legs: readonly Posting[];
  readonly remaining: readonly bigint[];
};

export type Recorded = Pick<Transaction, 'transactionId' | 'sequence' | 'payload'>;

export type State = {
  /** The last sequence and account number given out. */
  sequence: number;
  account: number;
  /** By book; authoritative for every account it holds, silent about the others. */
  readonly accounts: Map<string, Account>;
  /** Every open hold. */
  readonly holds: Map<Id<'hold'>, OpenHold>;
  /** By idempotency key and by id, for one batch. */
  readonly recorded: Map<string, Recorded>;
  readonly originals: Map<Id<'transaction'>, Original>;
};

export const emptyState = (): State => ({
  sequence: 0,
  account: 0,
  accounts: new Map(),
  holds: new Map(),
  recorded: new Map(),
  originals: new Map(),
});

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
