import type { AccountKey } from './account.ts';
import type { Tally } from './tally.ts';

/** An account as a replay knows it: where it stands, and what its statement has to say. */
export type Book = AccountKey & {
  readonly number: number;
  readonly balance: Tally;
  /** How many transactions have touched it, and the last of them. */
  transactions: number;
  touchedBy: number;
  readonly history: History;
};

/** What was written of an account's statement, and how far a replay has met it. */
export type History = {
  /** The replay has come to a line. @throws Difference when the follower wrote another */
  expect(book: Book, sequence: number): void;
  /** The replay is over. @throws Difference when the follower wrote more */
  expectEnd(book: Book): void;
};
