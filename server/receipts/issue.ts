/** Issues receipts: builds them, signs them, and has them appended to the log, each subject once. */
import { randomBytes } from 'node:crypto';
import {
  type ChannelEvidence,
  commitment,
  type Evidence,
  type FeeRole,
  formatShares,
  type Id,
  OPEN,
  type PricedBy,
  RECEIPT_VERSION,
  Receipt,
  type ReceiptSnapshot,
  type ReversalReceipt,
  receiptHash,
  receiptIdOf,
  type Shares,
} from '@openledger/protocol';
import { newId } from '../platform/new-id.ts';
import type { Appends, Signed } from './append.ts';
import { findReceipt, type IssuedReceipt, lookUpReceipt } from './receipts.ts';
import type { ReceiptsHandles } from './stage.ts';

/** All that a receipt says of a served, attributed and routed inference. */
export type Accounted = {
  readonly inferenceId: Id<'inference'>;
  readonly servedAt: Date;
  readonly parties: {
    readonly payer: string;
    readonly operator: string;
    readonly builder: string;
    /** The base model's builder, when an adapter was served. */
    readonly base: string | undefined;
  };
  readonly model: {
    readonly name: string;
    readonly hash: string | undefined;
    readonly adapterHash: string | undefined;
    /** What a reader must know about how the answer was made, e.g. 'infinity-gram interpolated'. */
    readonly engine: string | undefined;
  };
  /** Canonical JSON of model and messages (`RequestDocument`). */
  readonly request: string;
  /** What was delivered. */
  readonly output: string;
  readonly snapshots: readonly ReceiptSnapshot[];
  readonly retrieved: readonly { readonly recordHash: string; readonly snapshotId: string }[];
  readonly usage: { readonly promptTokens: number; readonly completionTokens: number };
  readonly priceUnits: bigint;
  /** What makes the price of the usage; undefined where that was not kept. */
  readonly terms: PricedBy | undefined;
  readonly policyHash: string;
  /** Undefined where there was nothing to trace against. */
  readonly evidence: Evidence | undefined;
  readonly channels: ChannelEvidence | undefined;
  readonly shares: Shares;
  readonly legs: readonly {
    readonly role: FeeRole;
    readonly account: string;
    readonly amount: bigint;
  }[];
  /** Undefined for a price of nothing. */
  readonly transactionId: string | undefined;
  readonly epoch: number;
  /** Hash of the receipt of the action this inference belongs to. */
  readonly parent: string | undefined;
  /** The receipt of the call that made this answer, where it was given again. */
  readonly cachedFrom: string | undefined;
};

/** What takes back units of an earlier receipt. */
export type Reversed = {
  readonly receiptId: string;
  readonly reason: ReversalReceipt['reason'];
  readonly units: bigint;
  readonly transactionId: string;
  readonly reversedAt: Date;
};

export type IssueHandles = ReceiptsHandles & { readonly appends: Appends };

type Entry = Omit<Signed, 'signature' | 'hash' | 'issuedAt'>;

/** Issues an inference's receipt; asked again, answers with the one there is. */
export async function issueReceipt(
  handles: IssueHandles,
  accounted: Accounted,
): Promise<IssuedReceipt> {
  const { inferenceId, parties, shares } = accounted;
  const known = await lookUpReceipt(handles.db, inferenceId);
  if (known) return known;
  const salts = { request: newSalt(), output: newSalt() };
  const payees = shares.map(({ to }) => to).filter((to) => to.startsWith('pty_'));
  return append(handles, {
    subject: inferenceId,
    inferenceId,
    payerId: parties.payer,
    readers: [...Object.values(parties).filter((party) => party !== undefined), ...payees],
    receipt: receiptFor(accounted, salts),
    salts,
  });
}

/** Issues the receipt of a reversal; asked again for the same transaction, answers with the one there is. */
export async function issueReversal(
  handles: IssueHandles,
  { receiptId, reason, units, transactionId, reversedAt }: Reversed,
): Promise<IssuedReceipt> {
  const known = await lookUpReceipt(handles.db, transactionId);
  if (known) return known;
  const { hash, inferenceId, payerId, readers } = await findReceipt(handles.db, receiptId);
  const receipt = Receipt.parse({
    version: RECEIPT_VERSION,
    kind: 'reversal',
    id: newId('receipt', handles.clock),
    of: hash,
    reason,
    reversedAt: reversedAt.toISOString(),
    units: units.toString(),
    ledger: { transaction: transactionId },
  });
  const salts = undefined; // it commits to no text
  return append(handles, { subject: transactionId, inferenceId, payerId, readers, receipt, salts });
}

/** Pure but for the salts it is given: what the receipt says. */
function receiptFor(
  accounted: Accounted,
  salts: { readonly request: string; readonly output: string },
): Receipt {
  const { inferenceId, parties, model, usage } = accounted;
  return Receipt.parse({
    version: RECEIPT_VERSION,
    kind: 'receipt',
    id: receiptIdOf(inferenceId),
    inference: inferenceId,
    servedAt: accounted.servedAt.toISOString(),
    parties: { ...parties, base: parties.base ?? null },
    model: {
      name: model.name,
      hash: model.hash ?? null,
      adapter: model.adapterHash ?? null,
      engine: model.engine ?? null,
    },
    request: commitment({ salt: salts.request, text: accounted.request }),
    output: commitment({ salt: salts.output, text: accounted.output }),
    snapshots: accounted.snapshots,
    retrieved: accounted.retrieved.map(({ recordHash, snapshotId }) => ({
      record: recordHash,
      snapshot: snapshotId,
    })),
    usage: { promptTokens: usage.promptTokens, completionTokens: usage.completionTokens },
    price: { asset: OPEN, units: accounted.priceUnits.toString(), terms: accounted.terms },
    policy: accounted.policyHash,
    attribution: accounted.evidence ?? null,
    channels: accounted.channels ?? null,
    shares: formatShares(accounted.shares),
    legs: accounted.legs.map(({ role, account, amount }) => ({
      role,
      account,
      units: amount.toString(),
    })),
    ledger: { transaction: accounted.transactionId ?? null, epoch: accounted.epoch },
    parent: accounted.parent ?? null,
    cachedFrom: accounted.cachedFrom,
  });
}

/** Signs, and appends with those that come at the same time, unless another process was first with the same subject. */
async function append(
  { clock, signers, appends }: IssueHandles,
  { subject, inferenceId, payerId, readers, receipt, salts }: Entry,
): Promise<IssuedReceipt> {
  return appends.add({
    ...{ subject, inferenceId, payerId, receipt, salts },
    readers: [...new Set(readers)],
    signature: await signers.receipts.sign(receipt),
    hash: receiptHash(receipt),
    issuedAt: clock.now(),
  });
}

const newSalt = (): string => randomBytes(32).toString('hex');
