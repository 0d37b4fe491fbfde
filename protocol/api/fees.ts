/** Operations on fees: who earned what, from which inferences. */
import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { Units } from '../money.ts';
import type { Operations } from '../operations.ts';
import { feeRoles, Ppm } from '../policy.ts';
import { Weight } from '../shares.ts';
import { paging } from './paging.ts';

const Count = z.number().int().min(0);

/** What was paid for: a call, or passages that were read. */
const saleId = z.union([idSchema('inference'), idSchema('read')]);

export const Earnings = z.object({
  partyId: idSchema('party'),
  /** Credited over the party's whole life, by what for. */
  data: Units,
  operator: Units,
  builder: Units,
  base: Units,
  /** Its part of pools in epochs that have not matured; credited when they do. */
  accruing: Units,
  /** What is owed below one unit, in 2^-64 units. */
  fraction: z.string(),
  /** Where credits are now. */
  pending: Units,
  payable: Units,
  escrow: Units,
  exported: Units,
  /** What it has to give back of what it was paid; netted from its next credits. */
  receivable: Units,
});

export const Payout = z.object({
  saleId,
  role: z.enum(feeRoles),
  /** For data rounded down: credits are rounded over a lifetime, not call by call. */
  units: Units,
  /** For data: its share of the data leg. */
  weight: Weight.optional(),
  dataUnits: Units.optional(),
  /** The pool through which the share comes; absent where evidence names the party itself. */
  pool: z.string().optional(),
  servedAt: z.iso.datetime(),
  creditedAt: z.iso.datetime().optional(),
  reversed: z.boolean(),
});

export const feesOperations = {
  earnings: {
    summary: 'Show what a party has earned and where it stands',
    method: 'GET',
    path: '/api/fees/parties/:partyId/earnings',
    scope: 'read',
    input: z.object({ partyId: idSchema('party') }),
    output: Earnings,
  },
  payouts: {
    summary: 'Explain what a party earned, sale by sale, newest first',
    method: 'GET',
    path: '/api/fees/parties/:partyId/payouts',
    scope: 'read',
    input: z.object({ partyId: idSchema('party'), ...paging }),
    output: z.object({ items: z.array(Payout), next: z.string().optional() }),
  },
  top: {
    summary: 'List the parties that were credited most for data',
    method: 'GET',
    path: '/api/fees/top',
    scope: 'read',
    input: z.object({ limit: z.coerce.number<number>().int().min(1).max(500).default(10) }),
    output: z.object({
      items: z.array(z.object({ partyId: idSchema('party'), units: Units })),
    }),
  },
  summary: {
    summary: 'Show fees in numbers: calls, units, evidence and prior, time from answer to credit',
    method: 'GET',
    path: '/api/fees/summary',
    scope: 'public',
    input: z.object({}),
    output: z.object({
      epoch: Count,
      inferences: Count,
      units: Units,
      dataUnits: Units,
      creditedUnits: Units,
      partiesCredited: Count,
      /** Of the data legs, what evidence gave; the rest went by the prior. */
      evidencePpm: Ppm,
      creditMs: z.object({ p50: z.number(), p99: z.number() }).optional(),
    }),
  },
  refund: {
    summary: 'Refund a routed price to its payer, whole where no units are named',
    method: 'POST',
    path: '/api/fees/refunds',
    scope: 'admin',
    input: z.object({
      saleId,
      /** The caller's name for it: asked again under the same name, nothing is refunded twice. */
      refundId: z.string().regex(/^[\x21-\x7e]{1,200}$/, 'Expected 1 to 200 visible characters.'),
      units: Units.optional(),
    }),
    output: z.object({
      saleId,
      refundId: z.string(),
      units: Units,
      /** What of it had matured and was advanced; netted from what its parties earn. */
      advancedUnits: Units,
      refundedAt: z.iso.datetime(),
    }),
  },
  check: {
    summary: 'Prove that the control account holds exactly what nobody could be credited with yet',
    method: 'GET',
    path: '/api/fees/check',
    scope: 'read',
    input: z.object({}),
    output: z.object({
      holds: z.boolean(),
      balance: Units,
      expected: Units,
      /** Both in 2^-64 units. */
      fractions: z.string(),
      pools: z.string(),
    }),
  },
} as const satisfies Operations;
