/**
 * Budgets: money that the ledger has lent to this gateway for a payer, out of which requests are reserved in memory.
 *
 * It promises that
 * - what is reserved was lent before, so no payer is overspent, whatever happens;
 * - what a request has earned is written down before and after each step, so after kill -9 it is asked of the ledger under
 *   the same id: never twice, and never for more than what was forwarded;
 * - each request ends exactly once: captured, voided, or expired when the ledger refuses it because the lease is over or
 *   another process has it. What has expired is this gateway's loss, not the payer's;
 * - a process that starts fences off the one before it.
 */
import type { Id } from '@openledger/protocol';
import { OpenLedgerError } from '@openledger/protocol';
import type { Ledger } from '../../ledger/index.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import { type Log, silentLog } from '../../platform/log.ts';
import type { Usage } from '../price.ts';
import { createDraws, type Ending } from './draws.ts';
import {
  applyIntent,
  emptyIntents,
  type IntentRecord,
  type LeaseState,
  type Leg,
  recordsOf,
} from './intent.ts';
import type { IntentLog } from './intent-log.ts';
import { type BudgetSettings, createPurses, DEFAULT_SETTINGS } from './purses.ts';

export { drawIdOf, type Ending } from './draws.ts';
export { type IntentLog, type IntentLogOptions, openIntentLog } from './intent-log.ts';
export type { BudgetSettings } from './purses.ts';

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
  /** Told of losses and of what is tried again. */
  readonly report?: Log;
};

export type ReserveOrder = {
  readonly requestId: Id<'inference'>;
  readonly payer: string;
  readonly units: bigint;
};

export type BudgetReservation = {
  readonly requestId: Id<'inference'>;
  /** Whether it may still be served: its lease has time left. */
  isOpen(): boolean;
  /** Resolves when the intent is on the disk; to be awaited before the first byte goes to the client. */
  durable(): Promise<void>;
  /** All that was earned by what was forwarded so far. */
  progress(units: bigint, usage?: Usage): void;
  /** @throws insufficient_funds */
  extend(units: bigint): Promise<void>;
  /**
   * Ends it. What it costs is decided, and written down, when this returns its promise; that resolves when the ledger has
   * answered. 0 units void it; asked again, it tells how it ended the first time. It pays `clearing:fees` where no legs are named.
   */
  capture(units: bigint, legs?: readonly Leg[]): Promise<Ending>;
  void(): Promise<Ending>;
};

/** What became of a request that the process before this one left open. */
export type Recovered = {
  readonly requestId: Id<'inference'>;
  readonly units: bigint;
  readonly usage: Usage | undefined;
  readonly ending: Ending;
};

export type Budget = {
  /**
   * Takes over what the process before this one left: fences it off, draws what was claimed, and ends what was open for
   * what it had earned, or for what `recall` says it has cost.
   */
  start(options?: { readonly recall?: Recall }): Promise<readonly Recovered[]>;
  /** @throws insufficient_funds (what is missing is in the details), unavailable */
  reserve(order: ReserveOrder): Promise<BudgetReservation>;
  summary(): BudgetSummary;
  /** Ends what is open for what it has earned, draws, and gives every lease back. */
  stop(): Promise<void>;
};

/** What the books say that requests have cost; undefined where they say nothing. */
export type Recall = (
  requestIds: readonly Id<'inference'>[],
) => Promise<ReadonlyMap<Id<'inference'>, bigint>>;

export type BudgetSummary = {
  readonly leases: number;
  readonly open: number;
  readonly captured: number;
  readonly voided: number;
  readonly expired: number;
  /** Units of expired claims: served, and not paid by anybody. */
  readonly lostUnits: bigint;
};

export function createBudget(handles: BudgetHandles): Budget {
  const { ledger, log, clock, instance, report = silentLog } = handles;
  const settings = { ...DEFAULT_SETTINGS, ...handles.settings };
  const state = emptyIntents();
  const counts = { captured: 0, voided: 0, expired: 0, lostUnits: 0n };
  let running = false;

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

  /** A request's end where nothing is asked of the ledger. */
  const voided = (request: Id<'inference'>): Ending => {
    write({ kind: 'voided', request });
    return { kind: 'voided' };
  };
  const claim = (
    request: Id<'inference'>,
    units: bigint,
    legs?: readonly Leg[],
  ): Promise<Ending> => {
    const before = draws.endingOf(request);
    if (before) return before; // it was claimed before, and that does not change
    if (!state.requests.has(request)) throw ended(request);
    if (units === 0n) return Promise.resolve(voided(request));
    write({ kind: 'claimed', request, units, legs });
    return draws.add(request);
  };

  const reservationOf = (requestId: Id<'inference'>, lease: LeaseState): BudgetReservation => {
    let ending: Promise<Ending> | undefined; // the first end is the end
    return {
      requestId,
      isOpen: () => state.requests.has(requestId) && purses.isServing(lease),
      durable: () => log.durable(),
      progress: (units, usage) => write({ kind: 'progress', request: requestId, units, usage }),
      extend: (units) => purses.extend(requestId, units),
      async capture(units, legs) {
        ending ??= claim(requestId, units, legs);
        return ending;
      },
      async void() {
        ending ??= claim(requestId, 0n);
        return ending;
      },
    };
  };

  /** Ends what is open for what it has earned, or for what the books say. */
  const endAll = async (recall: Recall): Promise<readonly Recovered[]> => {
    const all = [...state.requests.values()];
    const cost = await recall(all.map(({ request }) => request));
    return Promise.all(
      all.map(async ({ request: requestId, units: reserved, earned, usage, claim: claimed }) => {
        const recalled = cost.get(requestId) ?? earned;
        const units = claimed?.units ?? (recalled < reserved ? recalled : reserved);
        const ending = claimed ? draws.add(requestId) : claim(requestId, units);
        return { requestId, units, usage, ending: await ending };
      }),
    );
  };

  return {
    async start({ recall = async () => new Map() } = {}) {
      for (const record of log.past) applyIntent(state, record);
      applyIntent(state, { kind: 'started', token: state.token + 1 });
      log.compact(recordsOf(state)); // durable before the ledger hears of the new number
      await purses.takeOver();
      const recovered = await endAll(recall);
      running = true;
      purses.start();
      return recovered;
    },
    async reserve({ requestId, payer, units }) {
      if (!running) throw new OpenLedgerError('unavailable', 'This gateway lends no money now.');
      const lease = await purses.reserve({ requestId, payer, units });
      return reservationOf(requestId, lease);
    },
    summary: () => ({ leases: state.leases.size, open: state.requests.size, ...counts }),
    async stop() {
      running = false;
      await purses.stop();
      await Promise.race([endAll(async () => new Map()), sleep(PATIENCE_MS)]);
      draws.giveUp();
      await purses.giveBack();
      await log.close();
    },
  };
}

const ended = (requestId: string): OpenLedgerError =>
  new OpenLedgerError('conflict', `${requestId} has ended.`, { requestId });
