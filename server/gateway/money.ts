/** How a call's money is set aside before an operator is asked, and taken when it ends. Two ways, one type. */
import type { Id } from '@openledger/protocol';
import type { Usage } from './price.ts';

/** A call's money, set aside. Ends once. */
export type Reservation = {
  /** Whether the call may still be served on it. */
  isOpen(): boolean;
  /** To be awaited before the first byte goes to the client. */
  durable(): Promise<void>;
  /** All that was earned by what was forwarded so far. */
  progress(units: bigint, usage: Usage): void;
  /** Ends it for its price, after the call was recorded. What is still to be done is done by `settle`. */
  capture(units: bigint): void;
  /** Gives everything back. */
  void(): Promise<void>;
};

/** A recorded call, as its money is concerned. */
type Priced = {
  readonly inferenceId: Id<'inference'>;
  readonly heldUnits: bigint;
  readonly priceUnits: bigint;
};

/** A log on this process's disk, in which money is written down, and calls' records beside it. Who takes it over stores them. */
export type Journal = {
  /** @returns its number */
  keep(inferenceId: Id<'inference'>, row: string): number;
  /** They are stored. */
  forget(numbers: readonly number[]): void;
  /** Resolves when all that was kept and set aside before is on the disk. */
  durable(): Promise<void>;
};

export type Money = {
  /** Where a process that dies leaves word of what it had set aside, so that nobody needs the call's record for that. */
  readonly journal: Journal | undefined;
  /** How long the calls of a process that is gone are left to those who take its word over; then they are void. */
  readonly takeOverMs: number | undefined;
  /** @throws insufficient_funds; what is missing is in the details */
  reserve(call: {
    readonly inferenceId: Id<'inference'>;
    readonly payerId: Id<'party'>;
    readonly heldUnits: bigint;
  }): Promise<Reservation>;
  /** Resolves when exactly the price has reached `clearing:fees`. Repeatable. @returns false when it never can */
  settle(call: Priced): Promise<boolean>;
  /** Takes over from processes that are gone, from now on: their calls that were partly delivered are recorded, and then paid for. */
  recover(): Promise<void>;
  /** Gives back what is set aside for a call that was left open. */
  release(inferenceId: Id<'inference'>): Promise<void>;
  stop(): Promise<void>;
};

const nothing = async () => {};

/** Of a call that costs nothing, whatever happens. */
export const freeReservation: Reservation = {
  ...{ isOpen: () => true, durable: nothing, progress: () => {}, capture: () => {}, void: nothing },
};
