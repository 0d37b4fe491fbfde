/** One payer's purse, and how those who wait for it are served: first come first served, by one wish for all of them. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { LeaseState } from './intent.ts';
import { isOver, type Leases } from './leases.ts';

/** What is to be set aside, for what and whom. */
export type Order = {
  readonly requestId: Id<'inference'>;
  readonly payer: string;
  readonly units: bigint;
};

type Waiting = Order & {
  readonly accept: (lease: LeaseState) => void;
  readonly refuse: (error: unknown) => void;
};

export type Purse = {
  readonly payer: string;
  /** The lease that new requests are served from. */
  lease: LeaseState | undefined;
  readonly waiting: Waiting[];
  isAsking: boolean;
  /** Reserved in this stretch of time and in the one before. */
  lately: readonly [bigint, bigint];
  usedAt: number;
};

export const emptyPurse = (payer: string, usedAt: number): Purse => ({
  ...{ payer, lease: undefined, waiting: [], isAsking: false, lately: [0n, 0n], usedAt },
});

/** @returns what serves all who wait, and asks for more until nobody does; to be called while `isAsking` is false */
export function createFilling({
  leases,
  ahead,
  servingLease,
  take,
}: {
  readonly leases: Pick<Leases, 'open' | 'renew'>;
  /** A lease is at least so many times what its payer has needed lately. */
  readonly ahead: bigint;
  readonly servingLease: (purse: Purse) => LeaseState | undefined;
  readonly take: (purse: Purse, lease: LeaseState, order: Order) => LeaseState;
}): (purse: Purse) => Promise<void> {
  /** Those who can be served now. */
  function serveWaiting(purse: Purse): void {
    for (let lease = servingLease(purse); lease && purse.waiting.length > 0; ) {
      const [first] = purse.waiting;
      if (first.units > lease.free) return;
      purse.waiting.shift();
      try {
        first.accept(take(purse, lease, first));
      } catch (error) {
        first.refuse(error);
      }
    }
  }

  /** Lends for all who wait; where the payer has less, for as many of them as he can pay, and refuses the others. */
  async function lendFor(purse: Purse): Promise<void> {
    const free = () => servingLease(purse)?.free ?? 0n;
    const need = purse.waiting.reduce((sum, { units }) => sum + units, 0n) - free();
    const wish = ahead * (purse.lately[0] + purse.lately[1]);
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
    if (!lease) {
      purse.lease = await leases.open(purse.payer, units);
      return;
    }
    try {
      await leases.renew(lease, units);
    } catch (error) {
      if (!isOver(error)) throw error;
      purse.lease = undefined; // whoever still waits is lent a new one
    }
  }

  return async (purse) => {
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
  };
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

function availableIn(error: unknown): bigint | undefined {
  if (!(error instanceof OpenLedgerError) || error.code !== 'insufficient_funds') return undefined;
  return BigInt(`${error.details.available}`);
}

function unlessEmpty(error: unknown): void {
  if (availableIn(error) === undefined) throw error;
}
