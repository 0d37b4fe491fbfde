/** What a request of the crash run does to the ledger, for those who ask and for those who check. */
import type { Id } from '@openledger/protocol';
import { type Post, transactionIdFor } from '../../server/ledger/index.ts';

export const HELD = 10_000n;
export const PRICE = 7_001n;

/** A route's legs; they sum to the price. */
const LEGS: Readonly<Record<string, bigint>> = {
  'control:data': 3_500n,
  'builder:pending:1': 1_400n,
  'operator:pending:1': 1_400n,
  'stakers:protocol': 350n,
  'insurance:protocol': 140n,
  'treasury:protocol': 211n,
};

export const holdIdOf = (requestId: string): Id<'hold'> =>
  requestId.replace(/^inf_/, 'hld_') as Id<'hold'>;

export const routeOf = (requestId: Id<'inference'>): Post => ({
  transactionId: transactionIdFor(requestId, 'fees.routed'),
  reason: 'fees.routed',
  reference: requestId,
  postings: Object.entries(LEGS).map(([to, amount]) => ({ from: 'clearing:fees', to, amount })),
});
