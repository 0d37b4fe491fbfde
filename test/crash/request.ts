/** What a request of the crash run does to the ledger, for those who ask and for those who check. */
import type { Id } from '@openledger/protocol';
import { type Post, transactionIdFor } from '../../server/ledger/index.ts';

/** Holds pay for the requests of one process, a budget's leases for those of the other. */
export const MODES = ['strict', 'leased'] as const;
export type Mode = (typeof MODES)[number];

export type Request = {
  readonly requestId: Id<'inference'>;
  readonly payer: string;
  /** Counts its process's requests: some are voided, some are left, some are slow. */
  readonly turn: number;
};

export const PAYERS = Array.from({ length: 7 }, (_, i) => `payer-${i}`);
export const HELD = 10_000n;
export const PRICE = 7_001n;
/** What a leased request has earned after each of its chunks. */
export const EARNED = [1_000n, 4_000n, PRICE] as const;

/** Where a route goes, in parts of a million; treasury has the rest. */
const SHARES: Readonly<Record<string, bigint>> = {
  'control:data': 500_000n,
  'builder:pending:1': 200_000n,
  'operator:pending:1': 200_000n,
  'stakers:protocol': 50_000n,
  'insurance:protocol': 20_000n,
};

export const holdIdOf = (requestId: string): Id<'hold'> =>
  requestId.replace(/^inf_/, 'hld_') as Id<'hold'>;

/** Routes all that a request has paid. */
export function routeOf(requestId: Id<'inference'>, units: bigint): Post {
  const legs = Object.entries(SHARES).map(([to, share]) => ({
    to,
    amount: (units * share) / 1_000_000n,
  }));
  const rest = legs.reduce((left, { amount }) => left - amount, units);
  return {
    transactionId: routeIdOf(requestId),
    reason: 'fees.routed',
    reference: requestId,
    postings: [...legs, { to: 'treasury:protocol', amount: rest }].map((leg) => ({
      from: 'clearing:fees',
      ...leg,
    })),
  };
}

export const routeIdOf = (requestId: Id<'inference'>): Id<'transaction'> =>
  transactionIdFor(requestId, 'fees.routed');
