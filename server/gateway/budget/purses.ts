/** The purses of all payers, and their leases: renewed while something is open in them, given back when they idle. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import { type Repeating, repeat } from '../../platform/repeat.ts';
import type { LeaseState } from './intent.ts';
import { createLeases, type LeasesHandles } from './leases.ts';
import { createFilling, emptyPurse, type Order, type Purse } from './purse.ts';

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
  /** Sets more aside for it. @throws insufficient_funds, unavailable, conflict */
  extend(request: Id<'inference'>, units: bigint): Promise<void>;
  /** Whether requests may still be served from the lease. */
  isServing(lease: LeaseState): boolean;
  stop(): Promise<void>;
  /** Ends every lease in which nothing is open. */
  giveBack(): Promise<void>;
};

export function createPurses(
  handles: Omit<LeasesHandles, 'settings'> & { readonly settings: BudgetSettings },
): Purses {
  const { clock, settings, state, write, report } = handles;
  const leases = createLeases(handles);
  const purses = new Map<string, Purse>();
  let ticking: Repeating | undefined;

  const nowMs = () => clock.now().getTime();
  const purseOf = (payer: string): Purse => {
    const purse = purses.get(payer) ?? emptyPurse(payer, nowMs());
    purses.set(payer, purse);
    return purse;
  };
  const servingLease = ({ lease }: Purse): LeaseState | undefined =>
    lease && leases.isServing(lease) ? lease : undefined;

  const take = (purse: Purse, lease: LeaseState, { requestId, units }: Order): LeaseState => {
    write({ kind: 'reserved', request: requestId, lease: lease.lease, units });
    purse.lately = [purse.lately[0] + units, purse.lately[1]];
    purse.usedAt = nowMs();
    return lease;
  };
  const fill = createFilling({ leases, ahead: settings.ahead, servingLease, take });

  /** Renews what is needed, gives back what is not. */
  async function tick(): Promise<void> {
    const isIdle = (lease: LeaseState): boolean => {
      const purse = purses.get(lease.payer);
      if (purse?.isAsking) return false; // somebody waits for more of it, or of one that is just opened
      if (!purse || servingLease(purse) !== lease) return true;
      return nowMs() - purse.usedAt >= settings.idleMs;
    };
    await Promise.all(
      [...state.leases.values()].map(async (lease) => {
        if (lease.requests.size > 0) await leases.keep(lease);
        else if (isIdle(lease)) await leases.giveBack(lease);
      }),
    );
    for (const [payer, purse] of purses) {
      purse.lately = [0n, purse.lately[0]];
      const isUsed = servingLease(purse) || purse.isAsking || purse.waiting.length > 0;
      if (!isUsed && purse.lately[1] === 0n) purses.delete(payer);
    }
  }

  return {
    isServing: leases.isServing,
    async takeOver() {
      await Promise.all(
        [...state.leases.values()].map(async (lease) => {
          await leases.takeOver(lease);
          if (leases.isServing(lease)) purseOf(lease.payer).lease = lease;
        }),
      );
    },
    start() {
      const everyMs = Math.max(1, Math.min(settings.leaseMs / 8, settings.idleMs / 2));
      ticking = repeat('budget.tick', { everyMs, log: report }, tick);
    },
    async reserve(order) {
      const purse = purseOf(order.payer);
      const lease = servingLease(purse);
      const hasRoom = lease && purse.waiting.length === 0 && order.units <= lease.free;
      if (hasRoom) return take(purse, lease, order);
      return new Promise((accept, refuse) => {
        purse.waiting.push({ ...order, accept, refuse });
        if (!purse.isAsking) void fill(purse);
      });
    },
    async extend(request, units) {
      const leaseId = state.requests.get(request)?.lease;
      const lease = leaseId && state.leases.get(leaseId);
      if (!lease) throw new OpenLedgerError('conflict', `${request} has ended.`, { request });
      if (units > lease.free || !leases.isServing(lease)) await leases.renew(lease, units);
      write({ kind: 'extended', request, units });
    },
    stop: async () => ticking?.stop(),
    giveBack: async () => {
      await Promise.all([...state.leases.values()].map(leases.giveBack));
    },
  };
}
