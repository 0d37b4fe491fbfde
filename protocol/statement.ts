/**
 * Statements: what happened on somebody's accounts between two sequences of the log, with the proofs that it did.
 *
 * Of a sealed period everything leads to the seal's hash: each transaction to its batch, the batch to the period, and both
 * balances to the trial balances that were sealed. Otherwise transactions lead to their batches' hashes.
 */
import { z } from 'zod';
import { BatchHeader, Seal } from './books.ts';
import { Sha256Hex } from './hash.ts';
import { idSchema } from './ids.ts';
import { SignedUnits } from './money.ts';

const Count = z.number().int().nonnegative();
const Place = z.number().int().positive();

/** Sibling hashes, nearest to the leaf first. */
const Path = z.array(Sha256Hex).max(64);

/** A transaction's canonical text, and its place in the batch. */
export const ProvenTransaction = z.strictObject({
  /** The leaf: canonical JSON, as it was committed. */
  leaf: z.string(),
  batch: Place,
  index: Count,
  /** How many transactions the batch has. No hash covers it: only that the path fits. */
  size: Place,
  proof: Path,
});
export type ProvenTransaction = z.infer<typeof ProvenTransaction>;

/** A batch, and its place among the period's batches where the period is sealed. */
export const ProvenBatch = BatchHeader.extend({ proof: Path.nullable() });
export type ProvenBatch = z.infer<typeof ProvenBatch>;

const BalanceProof = z.strictObject({ index: Count, proof: Path });

export const transactionKinds = [
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

/** A line of a statement. */
export const StatementLine = z.strictObject({
  sequence: Place,
  transactionId: idSchema('transaction'),
  kind: z.enum(transactionKinds),
  at: z.iso.datetime(),
  /** When it happened, where that is not when it was written down. */
  effectiveAt: z.iso.datetime().optional(),
  reason: z.string(),
  reference: z.string().optional(),
  /** What the transaction changed, negative when the account paid. */
  amount: SignedUnits,
  /** Where the account stood after it. */
  balance: SignedUnits,
});
export type StatementLine = z.infer<typeof StatementLine>;

export const AccountStatement = z.strictObject({
  account: z.string(),
  asset: z.string(),
  opening: SignedUnits,
  closing: SignedUnits,
  /** Places in the sealed trial balances; null where nothing is sealed, or the balance is zero and no leaf says so. */
  openingProof: BalanceProof.nullable(),
  closingProof: BalanceProof.nullable(),
  entries: z.array(StatementLine),
});
export type AccountStatement = z.infer<typeof AccountStatement>;

export const Statement = z.strictObject({
  version: z.literal(1),
  /** An account, or how the accounts begin: `pty_0192...:`. */
  subject: z.string().min(3),
  /** The sealed period that it is of; null for any other stretch of the log. */
  period: Place.nullable(),
  firstSequence: Place,
  /** One less than the first where the stretch is empty. */
  lastSequence: Count,
  /** What fixes the closing and the opening balances. */
  seals: z.strictObject({ opening: Seal.nullable(), closing: Seal.nullable() }),
  /** By account and asset: those with an opening balance or an entry. */
  accounts: z.array(AccountStatement),
  /** By sequence; each once. */
  transactions: z.array(ProvenTransaction),
  /** By number; each once. */
  batches: z.array(ProvenBatch),
});
export type Statement = z.infer<typeof Statement>;

/** A transaction by itself, and the seal of its period once there is one. */
export const TransactionProof = z.strictObject({
  transaction: ProvenTransaction,
  batch: ProvenBatch,
  seal: Seal.nullable(),
});
export type TransactionProof = z.infer<typeof TransactionProof>;

/** Whether an account is the statement's business. */
export const isSubject = (subject: string, account: string): boolean =>
  subject.endsWith(':') ? account.startsWith(subject) : account === subject;
