/**
 * The leases of each payer: one that is served from, and those whose last requests are still under way.
 *
 * Whoever finds no room waits, and one lease or renewal is asked for all who wait for the same payer.
 */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import { type Ledger, transactionIdFor } from '../../ledger/index.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import { newId } from '../../platform/new-id.ts';
import { type Repeating, repeat } from '../../platform/repeat.ts';
import type { IntentRecord, IntentState, LeaseState } from './intent.ts';

export type BudgetSettings = {
  /** How long a lease lasts; one with open requests is renewed at half of it. */
  readonly leaseMs: number;
  /** Before its end nothing is served from it any more: time to draw what was earned. */
  readonly graceMs: number;
  /** A lease in which nothing was reserved for so long is given back. */
  readonly idleMs: number;
  /** A lease is at least so many times what its payer has needed lately. */
  readonly ahead: bigint;
};

export const DEFAULT_SETTINGS: BudgetSettings = {
  ...{ leaseMs: 300_000, graceMs: 30_000, idleMs: 10_000, ahead: 2n },
};

export type Purses = {
  /** Renews what the process before this one had, under this one's token. */
  takeOver(): Promise<void>;
  start(): void;
  /** Sets the units aside for the request. @throws insufficient_funds, unavailable; conflict when it is open already */
  reserve(order: Order): Promise<LeaseState>;
  extend(request: Id<'inference'>, units: bigint): Promise<void>;
  /** Whether requests may still be served from the lease. */
  isServing(lease: LeaseState): boolean;
  stop(): Promise<void>;
  /** Ends every lease in which nothing is open. */
  giveBack(): Promise<void>;
};

type Order = {
  readonly requestId: Id<'inference'>;
  readonly payer: string;
  readonly units: bigint;
};

type Waiting = Order & {
  readonly accept: (lease: LeaseState) => void;
  readonly refuse: (error: unknown) => void;
};

type Purse = {
  readonly payer: string;
  /** The lease that new requests are served from. */
  lease: LeaseState | undefined;
  readonly waiting: Waiting[];
  isAsking: boolean;
  /** Reserved in this stretch of time and in the one before. */
  lately: readonly [bigint, bigint];
  usedAt: number;
};

export function createPurses({
  ledger,
  clock,
  instance,
  settings,
  state,
  write,
  report,
}: {
  readonly ledger: Pick<Ledger, 'lease' | 'renew' | 'release'>;
  readonly clock: Clock;
  readonly instance: string;
  readonly settings: BudgetSettings;
  readonly state: IntentState;
  readonly write: (record: IntentRecord) => void;
  readonly report: Log;
}): Purses {
  const purses = new Map<string, Purse>();
  /** Not served from any more: the ledger would not renew them, or they are about to be given back. */
  const closing = new Set<Id<'hold'>>();
  /** Renewals under way, so that each has a name of its own and no lease is closed under one. */
  const renewing = new Map<Id<'hold'>, number>();
  let renewals = 0;
  let ticking: Repeating | undefined;

  const nowMs = () => clock.now().getTime();
  const until = () => new Date(nowMs() + settings.leaseMs);
  const isServing = ({ lease, expiresAt }: LeaseState): boolean =>
    !closing.has(lease) && nowMs() < expiresAt - settings.graceMs;

  const purseOf = (payer: string): Purse => {
    const known = purses.get(payer);
    if (known) return known;
    const purse: Purse = {
      ...{ payer, lease: undefined, waiting: [], isAsking: false },
      ...{ lately: [0n, 0n] as const, usedAt: nowMs() },
    };
    purses.set(payer, purse);
    return purse;
  };
  const servingLease = ({ lease }: Purse): LeaseState | undefined =>
    lease && isServing(lease) ? lease : undefined;

  const take = (purse: Purse, lease: LeaseState, { requestId, units }: Order): LeaseState => {
    write({ kind: 'reserved', request: requestId, lease: lease.lease, units });
    purse.lately = [purse.lately[0] + units, purse.lately[1]];
    purse.usedAt = nowMs();
    return lease;
  };

  /** Those who can be served now, first come first served. */
  function serveWaiting(purse: Purse): void {
    for (let lease = servingLease(purse); lease && purse.waiting.length > 0; ) {
      const [first] = purse.waiting;
      if (first.units > lease.free) return;
      purse.waiting.shift();
      settle(first, () => take(purse, lease as LeaseState, first));
    }
  }

  async function askForAll(purse: Purse): Promise<void> {
    purse.isAsking = true;
    await new Promise(setImmediate); // those who come in the same turn are asked for together
    try {
      for (serveWaiting(purse); purse.waiting.length > 0; serveWaiting(purse)) {
        await lendFor(purse);
      }
    } catch (error) {
      for (const { refuse } of purse.waiting.splice(0)) refuse(error);
    }
    purse.isAsking = false;
  }

  /** Lends for all who wait; where the payer has less, for as many of them as he can pay, and refuses the others. */
  async function lendFor(purse: Purse): Promise<void> {
    const free = () => servingLease(purse)?.free ?? 0n;
    const need = purse.waiting.reduce((sum, { units }) => sum + units, 0n) - free();
    const wish = settings.ahead * (purse.lately[0] + purse.lately[1]);
    try {
      return await lend(purse, wish > need ? wish : need);
    } catch (error) {
      const available = availableIn(error);
      if (available === undefined) throw error;
      const exact = refuseBeyond(purse, available + free()) - free();
      if (exact > 0n) await lend(purse, exact).catch(unlessEmpty); // then somebody else was faster: count again
    }
  }

  async function lend(purse: Purse, units: bigint): Promise<void> {
    const lease = servingLease(purse);
    if (lease) return renew(lease, units).catch(unlessOver); // whoever still waits is lent a new one
    const opened = newId('hold', clock);
    const expiresAt = until();
    write({ kind: 'leasing', lease: opened, payer: purse.payer });
    const fresh = state.leases.get(opened) as LeaseState;
    try {
      await asked(() =>
        ledger.lease({
          ...{ holdId: opened, token: state.token, amount: units, expiresAt },
          ...{ from: `${purse.payer}:available`, to: `${purse.payer}:held` },
          ...{ reason: 'budget.leased', reference: instance },
        }),
      );
    } catch (error) {
      closing.add(opened); // the ledger may have lent all the same: then it is given back
      if (!isUnavailable(error)) forget(fresh);
      throw error;
    }
    write({ kind: 'leased', lease: opened, added: units, expiresAt: expiresAt.getTime() });
    purse.lease = fresh;
  }

  /** Adds money, or time alone. A lease that the ledger does not renew is not served from any more. */
  async function renew({ lease }: LeaseState, units: bigint): Promise<void> {
    const expiresAt = until();
    const number = ++renewals;
    const { token } = state;
    renewing.set(lease, (renewing.get(lease) ?? 0) + 1);
    try {
      await asked(() =>
        ledger.renew({
          ...{ transactionId: transactionIdFor(lease, `renew-${token}-${number}`) },
          ...{ holdId: lease, token, amount: units, expiresAt },
          ...{ reason: 'budget.renewed', reference: instance },
        }),
      );
      write({ kind: 'leased', lease, added: units, expiresAt: expiresAt.getTime() });
    } catch (error) {
      if (isOver(error)) closing.add(lease);
      throw error;
    } finally {
      const others = (renewing.get(lease) as number) - 1;
      if (others === 0) renewing.delete(lease);
      else renewing.set(lease, others);
    }
  }

  function forget({ lease }: LeaseState): void {
    write({ kind: 'closed', lease });
    closing.delete(lease);
    for (const purse of purses.values()) if (purse.lease?.lease === lease) purse.lease = undefined;
  }

  /** Gives the rest back, where nothing is open in it. */
  async function giveBack(lease: LeaseState): Promise<void> {
    if (lease.requests.size > 0 || renewing.has(lease.lease)) return;
    closing.add(lease.lease);
    try {
      await ledger.release({
        ...{ holdId: lease.lease, token: state.token },
        ...{ reason: 'budget.returned', reference: instance },
      });
    } catch (error) {
      if (!isOver(error)) return report.warn('budget.return_later', { lease: lease.lease, error });
    }
    forget(lease);
  }

  /** Renews what is needed, gives back what is not. */
  async function tick(): Promise<void> {
    const now = nowMs();
    const idle = (lease: LeaseState): boolean => {
      const purse = purses.get(lease.payer);
      const isAwaited = purse?.lease === lease && purse.isAsking;
      if (purse?.lease !== lease || !isServing(lease)) return true;
      return !isAwaited && now - purse.usedAt >= settings.idleMs;
    };
    await Promise.all(
      [...state.leases.values()].map(async (lease) => {
        if (lease.expiresAt === 0 && !closing.has(lease.lease)) return; // just asked for
        if (lease.requests.size === 0) return idle(lease) ? giveBack(lease) : undefined;
        const isHalf = now >= lease.expiresAt - settings.leaseMs / 2;
        if (!isHalf || closing.has(lease.lease)) return;
        await renew(lease, 0n).catch((error) =>
          report.warn('budget.renew_failed', { lease: lease.lease, error }),
        );
      }),
    );
    for (const [payer, purse] of purses) {
      purse.lately = [0n, purse.lately[0]];
      const isQuiet = !purse.lease && !purse.isAsking && purse.waiting.length === 0;
      if (isQuiet && purse.lately[1] === 0n) purses.delete(payer);
    }
  }

  return {
    isServing,
    async takeOver() {
      await Promise.all(
        [...state.leases.values()].map(async (lease) => {
          await renew(lease, 0n).catch(unlessOver);
          if (!closing.has(lease.lease)) purseOf(lease.payer).lease = lease;
        }),
      );
    },
    start() {
      const everyMs = Math.max(1, Math.min(settings.leaseMs / 8, settings.idleMs / 2));
      ticking = repeat('budget.tick', { everyMs, log: report }, tick);
    },
    reserve(order) {
      const purse = purseOf(order.payer);
      const lease = servingLease(purse);
      if (lease && purse.waiting.length === 0 && order.units <= lease.free) {
        return Promise.resolve(take(purse, lease, order));
      }
      return new Promise((accept, refuse) => {
        purse.waiting.push({ ...order, accept, refuse });
        if (!purse.isAsking) void askForAll(purse);
      });
    },
    async extend(request, units) {
      const leaseId = state.requests.get(request)?.lease;
      const lease = leaseId && state.leases.get(leaseId);
      if (!lease) throw new OpenLedgerError('conflict', `${request} has ended.`, { request });
      if (units > lease.free || !isServing(lease)) await renew(lease, units);
      write({ kind: 'extended', request, units });
    },
    stop: async () => ticking?.stop(),
    giveBack: async () => {
      await Promise.all([...state.leases.values()].map(giveBack));
    },
  };
}

function settle({ accept, refuse }: Waiting, take: () => LeaseState): void {
  try {
    accept(take());
  } catch (error) {
    refuse(error);
  }
}

/** Refuses those who wait and cannot be paid, in the order in which they came. @returns what the others need */
function refuseBeyond(purse: Purse, available: bigint): bigint {
  let needed = 0n;
  for (const waiting of purse.waiting.splice(0)) {
    const missing = needed + waiting.units - available;
    if (missing <= 0n) {
      needed += waiting.units;
      purse.waiting.push(waiting);
      continue;
    }
    const account = `${purse.payer}:available`;
    const left = available - needed;
    waiting.refuse(
      new OpenLedgerError('insufficient_funds', `${account} does not have that much.`, {
        ...{ account, available: `${left}`, missing: `${missing}` },
      }),
    );
  }
  return needed;
}

const TRIES = 5;
const AGAIN_MS = 50;

/** A wish that nobody answered is asked again: under its own id it is done once. */
async function asked(ask: () => Promise<unknown>): Promise<void> {
  for (let left = TRIES - 1; ; left--) {
    try {
      await ask();
      return;
    } catch (error) {
      if (!isUnavailable(error) || left === 0) throw error;
      await sleep(AGAIN_MS);
    }
  }
}

const isUnavailable = (error: unknown): boolean =>
  !(error instanceof OpenLedgerError) || error.code === 'unavailable';

/** The ledger has ended the lease, or somebody else has it. */
const isOver = (error: unknown): boolean =>
  error instanceof OpenLedgerError && (error.code === 'conflict' || error.code === 'not_found');

function unlessOver(error: unknown): void {
  if (!isOver(error)) throw error;
}

function availableIn(error: unknown): bigint | undefined {
  if (!(error instanceof OpenLedgerError) || error.code !== 'insufficient_funds') return undefined;
  return BigInt(`${error.details.available}`);
}

function unlessEmpty(error: unknown): void {
  if (availableIn(error) === undefined) throw error;
}
