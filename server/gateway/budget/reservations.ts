/**
 * Requests that units are set aside for, from then to their one end. What a request costs is decided, and written down,
 * before the ledger is asked for it.
 */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Usage } from '../price.ts';
import type { Draws, Ending } from './draws.ts';
import type { IntentRecord, IntentState, LeaseState, Leg } from './intent.ts';
import type { Order } from './purse.ts';
import type { Purses } from './purses.ts';

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

/** A request that nobody has ended, and what it has earned. */
type LeftOpen = {
  readonly requestId: Id<'inference'>;
  readonly units: bigint;
  readonly usage: Usage | undefined;
};

/**
 * Told of what is about to be ended without its client: records it for what it has earned, and says what it costs by the
 * books. Where they say nothing of a request, it costs what it has earned.
 */
export type Books = (open: readonly LeftOpen[]) => Promise<ReadonlyMap<Id<'inference'>, bigint>>;

/** What became of a request that was left open. */
export type Ended = { readonly requestId: Id<'inference'>; readonly ending: Ending };

export type Reservations = {
  /** @throws insufficient_funds (what is missing is in the details), unavailable */
  reserve(order: Order): Promise<BudgetReservation>;
  /**
   * Ends all that is open, of this process or the one before: it is in the books before the ledger is asked for it. What is kept
   * of a call's record says how that ends: it is left to whoever stores it.
   */
  endAll(): Promise<readonly Ended[]>;
};

export function createReservations({
  state,
  write,
  durable,
  draws,
  purses,
  books,
}: {
  readonly state: IntentState;
  readonly write: (record: IntentRecord) => void;
  readonly durable: () => Promise<void>;
  readonly draws: Draws;
  readonly purses: Pick<Purses, 'reserve' | 'extend' | 'isServing'>;
  readonly books: Books;
}): Reservations {
  /** Those of this process that are open. */
  const reservations = new Map<Id<'inference'>, BudgetReservation>();

  function end(request: Id<'inference'>, units: bigint, legs?: readonly Leg[]): Promise<Ending> {
    if (!state.requests.has(request)) throw ended(request);
    if (units === 0n) {
      write({ kind: 'voided', request });
      return Promise.resolve({ kind: 'voided' });
    }
    write({ kind: 'claimed', request, units, legs });
    return draws.add(request);
  }

  function reservationOf(requestId: Id<'inference'>, lease: LeaseState): BudgetReservation {
    let ending: Promise<Ending> | undefined; // the first end is the end
    let synced: Promise<void> | undefined;
    const capture = async (units: bigint, legs?: readonly Leg[]) => {
      ending ??= end(requestId, units, legs);
      reservations.delete(requestId);
      return ending;
    };
    return {
      requestId,
      isOpen: () => state.requests.has(requestId) && purses.isServing(lease),
      durable() {
        synced ??= durable();
        return synced;
      },
      progress: (units, usage) => write({ kind: 'progress', request: requestId, units, usage }),
      async extend(units) {
        await purses.extend(requestId, units);
        synced = undefined;
      },
      capture,
      void: () => capture(0n),
    };
  }

  /** Of what the books said it costs, at most what is set aside; a claim that stands is drawn as it is. */
  function endLeft(requestId: Id<'inference'>, cost: bigint | undefined): Promise<Ending> {
    const request = state.requests.get(requestId);
    if (!request) throw ended(requestId);
    if (request.claim) return draws.endingOf(requestId) ?? draws.add(requestId);
    const wanted = cost ?? request.earned;
    const units = wanted < request.units ? wanted : request.units;
    return reservations.get(requestId)?.capture(units) ?? end(requestId, units);
  }

  return {
    async reserve(order) {
      const reservation = reservationOf(order.requestId, await purses.reserve(order));
      reservations.set(order.requestId, reservation);
      return reservation;
    },
    async endAll() {
      const kept = new Set([...state.kept.values()].map(({ request }) => request));
      const open = [...state.requests.values()].filter(({ request }) => !kept.has(request));
      const costs = await books(
        open
          .filter(({ claim }) => claim === undefined)
          .map(({ request, earned, usage }) => ({ requestId: request, units: earned, usage })),
      );
      const left = open.filter(({ request }) => state.requests.has(request)); // or it has ended meanwhile
      return Promise.all(
        left.map(async ({ request: requestId }) => ({
          ...{ requestId, ending: await endLeft(requestId, costs.get(requestId)) },
        })),
      );
    },
  };
}

const ended = (requestId: string): OpenLedgerError =>
  new OpenLedgerError('conflict', `${requestId} has ended.`, { requestId });
