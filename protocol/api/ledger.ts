/** Operations of the ledger: what the caller has, how it came about, and whether the books are right. */
import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { OPEN, Units } from '../money.ts';
import type { Operations } from '../operations.ts';
import { pageOf, paging } from './paging.ts';

/** Units with a sign: what an account gained or lost, or where an account of the outside world stands. */
export const SignedUnits = z
  .string()
  .regex(/^(0|-?[1-9][0-9]{0,77})$/, 'Expected units as a decimal string, perhaps negative.');

/** `<owner>:<purpose>[:<more>]`, e.g. `pty_0192...:pending:7`. */
const Account = z.string().min(3).max(200);
const Asset = z.string().min(1).max(100);
const Time = z.iso.datetime();
const Sequence = z.number().int().positive();
const transactionKinds = [
  'post',
  'hold',
  'lease',
  'renew',
  'draw',
  'capture',
  'release',
  'expire',
  'reverse',
] as const;

export const AccountBalance = z.object({ account: Account, asset: Asset, amount: SignedUnits });

export const StatementEntry = z.object({
  sequence: Sequence,
  transactionId: idSchema('transaction'),
  kind: z.enum(transactionKinds),
  at: Time,
  /** When it happened, where that is not when it was written down. */
  effectiveAt: Time.optional(),
  reason: z.string(),
  reference: z.string().optional(),
  /** What the transaction changed, negative when the account paid. */
  amount: SignedUnits,
  /** Where the account stood after it. */
  balance: SignedUnits,
});

export const LedgerTransaction = z.object({
  transactionId: idSchema('transaction'),
  sequence: Sequence,
  /** The batch whose hash covers it. */
  batch: Sequence,
  kind: z.enum(transactionKinds),
  at: Time,
  effectiveAt: Time.optional(),
  reason: z.string(),
  reference: z.string().optional(),
  holdId: idSchema('hold').optional(),
  expiresAt: Time.optional(),
  reverses: idSchema('transaction').optional(),
  /** A lease's fencing token. */
  token: z.number().int().optional(),
  reversedBy: z.array(idSchema('transaction')),
  postings: z.array(z.object({ from: Account, to: Account, amount: Units, asset: Asset })),
});

export const TrialBalance = z.object({
  asset: Asset,
  lines: z.array(
    z.object({
      /** An account, or `party:<purpose>` for the sum over all parties. */
      name: z.string(),
      accounts: z.number().int(),
      amount: SignedUnits,
    }),
  ),
  /** "0", or the ledger is wrong. */
  sum: SignedUnits,
});

export const AuditReport = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    batches: z.number().int(),
    transactions: z.number().int(),
    postings: z.number().int(),
    accounts: z.number().int(),
    /** The last batch's hash, lower-case hex. */
    head: z.string(),
  }),
  z.object({
    ok: z.literal(false),
    /** The check that found the first difference. */
    check: z.string(),
    batch: z.number().int().optional(),
    detail: z.string(),
  }),
]);

export const ledgerOperations = {
  balances: {
    summary: "List the accounts of the caller's party that do not stand at zero",
    method: 'GET',
    path: '/api/ledger/balances',
    scope: 'read',
    input: z.object({
      /** Default: the caller's party. Another one's accounts are for admins. */
      partyId: idSchema('party').optional(),
      ...paging,
      after: z.string().min(1).max(301).optional(),
    }),
    output: pageOf(AccountBalance),
  },
  statement: {
    summary: "Show an account's history, newest first",
    method: 'GET',
    path: '/api/ledger/statement',
    scope: 'read',
    input: z.object({
      account: Account,
      asset: Asset.default(OPEN),
      ...paging,
      after: z
        .string()
        .regex(/^[1-9][0-9]{0,14}$/)
        .optional(),
    }),
    output: pageOf(StatementEntry),
  },
  transaction: {
    summary: "Show a transaction that touches the caller's accounts",
    method: 'GET',
    path: '/api/ledger/transactions/:transactionId',
    scope: 'read',
    input: z.object({ transactionId: idSchema('transaction') }),
    output: LedgerTransaction,
  },
  trialBalance: {
    summary: 'Sum all accounts by purpose; each asset sums to zero',
    method: 'GET',
    path: '/api/ledger/trial-balance',
    scope: 'public',
    input: z.object({}),
    output: z.object({ assets: z.array(TrialBalance) }),
  },
  audit: {
    summary: 'Replay the whole log and name the first difference, if there is one',
    method: 'GET',
    path: '/api/ledger/audit',
    scope: 'admin',
    input: z.object({}),
    output: AuditReport,
  },
} as const satisfies Operations;
