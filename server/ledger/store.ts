/** The durable log as the writer sees it: a port, so that a simulator can stand where PostgreSQL stands. */
import type { Id } from '@openledger/protocol';
import type { AccountKey } from './account.ts';
import type { Account, OpenHold, Original } from './state.ts';
import type { Batch, Transaction } from './transaction.ts';

export type Store = {
  /**
   * Takes the right to write, which fences off every earlier writer, and reads where the log ends.
   *
   * @throws unavailable while another process writes, after the wait
   */
  begin(patience: { readonly waitMs: number }): Promise<Term>;
};

/** The right to write. Reads see at least every batch that was durable when they were asked. */
export type Term = {
  readonly number: number;
  readonly head: Head;
  readonly holds: readonly OpenHold[];
  readRecorded(ids: readonly Id<'transaction'>[]): Promise<readonly Transaction[]>;
  /** What may be reversed, as earlier reversals left it. */
  readOriginals(
    ids: readonly Id<'transaction'>[],
  ): Promise<ReadonlyMap<Id<'transaction'>, Original>>;
  readAccounts(
    books: readonly AccountKey[],
  ): Promise<readonly (AccountKey & Pick<Account, 'number' | 'balance'>)[]>;
  /**
   * Makes a batch durable, all or nothing.
   *
   * @throws unavailable when another writer has taken over, and whatever the medium throws; the term is then over
   */
  commit(write: Write): Promise<void>;
  /**
   * Makes sure that nobody else has written: what was judged by this term's state was right.
   *
   * @throws unavailable when another writer has taken over; the term is then over
   */
  confirm(): Promise<void>;
  close(): Promise<void>;
};

/** Where the log ends: its last batch, and the last sequence and account number given out. */
export type Head = Pick<Batch, 'number' | 'hash'> & {
  readonly sequence: number;
  readonly account: number;
};

/** All that one batch changes. */
export type Write = {
  readonly batch: Batch;
  readonly transactions: readonly {
    readonly transaction: Transaction;
    /** Its postings by account number, as `encodeLegs` writes them. */
    readonly legs: string;
  }[];
  /** Accounts that the batch opens, with their first balance, and the other ones that it touches. */
  readonly opened: readonly (AccountKey & Touched & Pick<Account, 'balance'>)[];
  readonly moved: readonly Touched[];
  /** Holds as they stand after the batch; the accounts by number. */
  readonly kept: readonly (Pick<OpenHold, 'holdId' | 'amount' | 'expiresAt' | 'token'> & {
    readonly source: number;
    readonly held: number;
  })[];
  readonly ended: readonly Id<'hold'>[];
};

/** What a batch does to an account: its net change, which may be 0, and the transactions that touch it, ascending. */
export type Touched = Pick<Account, 'number' | 'change' | 'sequences'>;
