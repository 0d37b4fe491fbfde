/** Issues receipts: builds, signs, and appends them to the log, each subject once. */
import { randomBytes } from 'node:crypto';
import {
  type ChannelEvidence,
  canonicalize,
  commitment,
  type Evidence,
  type FeeRole,
  formatShares,
  type Id,
  leafHash,
  OPEN,
  type PricedBy,
  RECEIPT_VERSION,
  Receipt,
  type ReceiptSnapshot,
  type ReversalReceipt,
  receiptHash,
  receiptIdOf,
  receiptLeaf,
  type Shares,
} from '@openledger/protocol';
import type { Tx } from '../platform/db.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { appendToLog, lockLog } from './log.ts';
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

/** Issues an inference's receipt; asked again, answers with the one there is. */
export async function issueReceipt(
  handles: ReceiptsHandles,
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
    alongside: (tx) =>
      tx.query(sql`
        insert into receipts.salts (inference_id, request, output)
        values (${inferenceId}, ${salts.request}, ${salts.output})`),
  });
}

/** Issues the receipt of a reversal; asked again for the same transaction, answers with the one there is. */
export async function issueReversal(
  handles: ReceiptsHandles,
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
  return append(handles, { subject: transactionId, inferenceId, payerId, readers, receipt });
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

/** Signs and appends, unless another process was first with the same subject. */
async function append(
  { db, clock, signers }: ReceiptsHandles,
  entry: {
    readonly subject: string;
    readonly inferenceId: string;
    readonly payerId: string;
    readonly readers: readonly string[];
    readonly receipt: Receipt;
    readonly alongside?: (tx: Tx) => Promise<unknown>;
  },
): Promise<IssuedReceipt> {
  const { subject, inferenceId, payerId, receipt } = entry;
  const readers = [...new Set(entry.readers)];
  const signature = await signers.receipts.sign(receipt);
  const hash = receiptHash(receipt);
  const issuedAt = clock.now();
  return db.transaction(async (tx) => {
    await lockLog(tx);
    const other = await lookUpReceipt(tx, subject);
    if (other) return other;
    const leafIndex = await appendToLog(tx, leafHash(receiptLeaf({ receipt, signature })));
    await tx.query(sql`
      insert into receipts.receipts
        (id, subject, kind, inference_id, payer_id, readers, hash, document, signer, signature, leaf_index, issued_at)
      values (
        ${receipt.id}, ${subject}, ${receipt.kind}, ${inferenceId}, ${payerId}, ${readers}, ${hash},
        ${canonicalize(receipt)}, ${signature.signer}, ${signature.value}, ${leafIndex}, ${issuedAt}
      )`);
    await entry.alongside?.(tx);
    return {
      ...{ receipt, signature, hash, inferenceId, payerId, readers, leafIndex, issuedAt },
      id: receipt.id,
    };
  });
}

const newSalt = (): string => randomBytes(32).toString('hex');
