/** Operations of the ledger: what the caller has, how it came about, and whether the books are right. */
import { z } from 'zod';
import { Seal } from '../books.ts';
import { idSchema } from '../ids.ts';
import { OPEN, SignedUnits, Units } from '../money.ts';
import type { Operations } from '../operations.ts';
import { StatementLine, TransactionProof, transactionKinds } from '../statement.ts';
import { pageOf, paging } from './paging.ts';

/** `<owner>:<purpose>[:<more>]`, e.g. `pty_0192...:pending:7`. */
const Account = z.string().min(3).max(200);
const Asset = z.string().min(1).max(100);
const Time = z.iso.datetime();
const Sequence = z.number().int().positive();
export const AccountBalance = z.object({ account: Account, asset: Asset, amount: SignedUnits });

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

const SequenceCursor = z.string().regex(/^[1-9][0-9]{0,14}$/);

const exportFormats = ['json', 'csv', 'beancount'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export const Exported = z.object({
  format: z.enum(exportFormats),
  /** Transactions in it. */
  transactions: z.number().int(),
  /** The file. */
  text: z.string(),
});

export const LateEvent = z.object({
  sequence: Sequence,
  transactionId: idSchema('transaction'),
  at: Time,
  effectiveAt: Time,
  reason: z.string(),
  reference: z.string().optional(),
});

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
      after: SequenceCursor.optional(),
    }),
    output: pageOf(StatementLine),
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
  proof: {
    summary:
      "Prove that a transaction stands in the log: its text, its batch, and its period's seal",
    method: 'GET',
    path: '/api/ledger/transactions/:transactionId/proof',
    scope: 'read',
    input: z.object({ transactionId: idSchema('transaction') }),
    output: TransactionProof,
  },
  export: {
    summary:
      "Export a statement of an account, or of all of a party's, as JSON with proofs, CSV or beancount",
    method: 'GET',
    path: '/api/ledger/export',
    scope: 'read',
    input: z.object({
      /** One account. Default: all of the party's. */
      account: Account.optional(),
      /** Default: the caller's party. Another one's accounts are for admins. */
      partyId: idSchema('party').optional(),
      /** A sealed period; without it, from and to one moment or sequence and another, by default all of the log. */
      period: z.coerce.number<number>().int().positive().optional(),
      from: Time.optional(),
      /** Exclusive. */
      to: Time.optional(),
      fromSequence: z.coerce.number<number>().int().positive().optional(),
      /** Inclusive. */
      toSequence: z.coerce.number<number>().int().positive().optional(),
      format: z.enum(exportFormats).default('json'),
    }),
    output: Exported,
  },
  journal: {
    summary: 'Export the whole log, page by page; the pages put together are one file',
    method: 'GET',
    path: '/api/ledger/journal',
    scope: 'admin',
    input: z.object({
      limit: z.coerce.number<number>().int().min(1).max(10_000).default(1_000),
      /** The `next` of the page before. */
      after: SequenceCursor.optional(),
      format: z.enum(exportFormats).default('json'),
    }),
    output: Exported.extend({ next: z.string().optional() }),
  },
  periods: {
    summary: 'List the seals of the periods, newest first',
    method: 'GET',
    path: '/api/ledger/periods',
    scope: 'public',
    input: z.object({ ...paging, after: SequenceCursor.optional() }),
    output: pageOf(Seal),
  },
  closePeriod: {
    summary:
      'End the open period at the head of the log, and seal its trial balance; asked again it answers with the seal',
    method: 'POST',
    path: '/api/ledger/periods',
    scope: 'admin',
    input: z.object({
      /** The open one: 1, or one more than the last sealed one. */
      period: z.number().int().positive(),
    }),
    output: Seal,
  },
  lateEvents: {
    summary: 'List what was effective in a period and posted after its end',
    method: 'GET',
    path: '/api/ledger/periods/:period/late-events',
    scope: 'admin',
    input: z.object({
      period: z.coerce.number<number>().int().positive(),
      ...paging,
      after: SequenceCursor.optional(),
    }),
    output: pageOf(LateEvent),
  },
} as const satisfies Operations;
