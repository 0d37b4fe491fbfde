/**
 * Budgets: money that the ledger has lent to this gateway for a payer, out of which requests are reserved in memory.
 *
 * It promises that
 * - what is reserved was lent before, so no payer is overspent, whatever happens;
 * - what a request has earned is written down before and after each step, so after kill -9 it is asked of the ledger under
 *   the same id: never twice, and never for more than what was forwarded;
 * - what is kept of calls' records is stored once at least, and before anything is ended by the books;
 * - each request ends exactly once: captured, voided, or expired when the ledger refuses it because the lease is over or
 *   another process has it. What has expired is this gateway's loss, not the payer's;
 * - a process that starts fences off the one before it.
 */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Ledger } from '../../ledger/index.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import { type Log, silentLog } from '../../platform/log.ts';
import { createDraws } from './draws.ts';
import { applyIntent, emptyIntents, type IntentRecord, type Kept, recordsOf } from './intent.ts';
import type { IntentLog } from './intent-log.ts';
import type { Order } from './purse.ts';
import { type BudgetSettings, createPurses, DEFAULT_SETTINGS } from './purses.ts';
import {
  type Books,
  type BudgetReservation,
  createReservations,
  type Ended,
} from './reservations.ts';

export { drawIdOf, type Ending } from './draws.ts';
export type { Kept } from './intent.ts';
export { type IntentLog, type IntentLogOptions, openIntentLog } from './intent-log.ts';
export type { BudgetSettings } from './purses.ts';
export type { Books, Ended } from './reservations.ts';

/** How long a stop waits for a ledger that does not answer; the next process draws what is left. */
const PATIENCE_MS = 10_000;

/** What the budget asks of the ledger. */
export type BudgetLedger = Pick<Ledger, 'lease' | 'renew' | 'drawAll' | 'release' | 'transaction'>;

export type BudgetHandles = {
  readonly ledger: BudgetLedger;
  readonly log: IntentLog;
  readonly clock: Clock;
  /** This gateway's name, for people who read the ledger. */
  readonly instance: string;
  readonly settings?: Partial<BudgetSettings>;
  /** Where what is left open is recorded; without them it costs what it has earned. */
  readonly books?: Books;
  /** Puts parts of calls' records into the tables, in their order; it may have been done before. */
  readonly store?: (kept: readonly Kept[]) => Promise<void>;
  /** Told of losses and of what is tried again. */
  readonly report?: Log;
};

export type Budget = {
  /**
   * Takes over what the process before this one left: fences it off, stores what it had kept, draws what was claimed, and ends
   * what was open for what it had earned, or for what the books say.
   */
  start(): Promise<readonly Ended[]>;
  /** @throws insufficient_funds (what is missing is in the details), unavailable */
  reserve(order: Order): Promise<BudgetReservation>;
  /** Keeps part of a call's record until it is in the tables. @returns its number */
  keep(request: Id<'inference'>, row: string): number;
  /** They are in the tables. */
  forget(numbers: readonly number[]): void;
  /** Resolves when all that was kept and reserved before is on the disk. */
  durable(): Promise<void>;
  summary(): BudgetSummary;
  /** Whether no process after this one has anything to end. */
  isEmpty(): boolean;
  /** Ends what is open for what it has earned, draws, and gives every lease back. */
  stop(): Promise<void>;
};

export type BudgetSummary = {
  readonly leases: number;
  readonly open: number;
  readonly captured: number;
  readonly voided: number;
  readonly expired: number;
  /** Units of expired claims: served, and not paid by anybody. */
  readonly lostUnits: bigint;
};

const noBooks: Books = async () => new Map();
const noTables = async () => {};

export function createBudget(handles: BudgetHandles): Budget {
  const { ledger, log, clock, instance, books = noBooks, report = silentLog } = handles;
  const { store = noTables } = handles;
  const settings = { ...DEFAULT_SETTINGS, ...handles.settings };
  const state = emptyIntents();
  const counts = { captured: 0, voided: 0, expired: 0, lostUnits: 0n };
  let running = false;
  let stopped: Promise<void> | undefined;

  /** First the state, which refuses what is impossible, then the log. */
  const write = (record: IntentRecord): void => {
    applyIntent(state, record);
    log.append(record);
    if (record.kind in counts) counts[record.kind as 'captured' | 'voided' | 'expired'] += 1;
    if (log.isLarge()) log.compact(recordsOf(state));
  };
  const draws = createDraws({
    ...{ ledger, state, write, report },
    onLoss(units) {
      counts.lostUnits += units;
    },
  });
  const purses = createPurses({ ledger, clock, instance, settings, state, write, report });
  const reservations = createReservations({
    ...{ state, write, draws, purses, books, durable: () => log.durable() },
  });

  let lastKept = 0;
  const forget = (numbers: readonly number[]) => write({ kind: 'stored', numbers });

  const stop = async (): Promise<void> => {
    running = false;
    await purses.stop();
    const ending = reservations
      .endAll()
      .catch((error: unknown) => report.warn('budget.end_later', { error })); // by the next process
    await Promise.race([ending, sleep(PATIENCE_MS)]);
    draws.giveUp();
    await purses.giveBack();
    await log.close();
  };

  return {
    async start() {
      for (const record of log.past) applyIntent(state, record);
      applyIntent(state, { kind: 'started', token: state.token + 1 });
      log.compact(recordsOf(state)); // durable before the ledger hears of the new number
      lastKept = Math.max(0, ...state.kept.keys());
      if (state.kept.size > 0) {
        await store([...state.kept.values()]);
        forget([...state.kept.keys()]);
      }
      await purses.takeOver();
      const ended = await reservations.endAll();
      running = true;
      purses.start();
      return ended;
    },
    async reserve(order) {
      if (!running) throw new OpenLedgerError('unavailable', 'This gateway lends no money now.');
      return reservations.reserve(order);
    },
    keep(request, row) {
      lastKept += 1;
      write({ kind: 'kept', number: lastKept, request, row });
      return lastKept;
    },
    forget,
    durable: () => log.durable(),
    summary: () => ({ leases: state.leases.size, open: state.requests.size, ...counts }),
    isEmpty: () => state.leases.size + state.requests.size + state.kept.size === 0,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}
