/** Appends signed receipts to the log, those that come at the same time in one transaction: they would wait for each other otherwise. */
import {
  canonicalize,
  leafHash,
  type Receipt,
  type ReceiptSignature,
  receiptLeaf,
} from '@openledger/protocol';
import { type Db, isRefusedData, type Tx } from '../platform/db.ts';
import { createGroup, type Group } from '../platform/group-commit.ts';
import { prepared, sql } from '../platform/sql.ts';
import { appendToLog, lockLog } from './log.ts';
import { type IssuedReceipt, lookUpReceipts } from './receipts.ts';

/** A receipt that is to be in the log. */
export type Signed = {
  /** What it is a receipt for: there is one. */
  readonly subject: string;
  readonly inferenceId: string;
  readonly payerId: string;
  readonly readers: readonly string[];
  readonly receipt: Receipt;
  readonly signature: ReceiptSignature;
  readonly hash: string;
  readonly issuedAt: Date;
  /** What opens its commitments; undefined where it has none. */
  readonly salts: { readonly request: string; readonly output: string } | undefined;
};

/** Where the subject has a receipt already, that one is the answer. */
export type Appends = Group<Signed, IssuedReceipt>;

/** As many as share a transaction. */
const MOST = 100;

export const createAppends = ({ db }: { readonly db: Db }): Appends =>
  createGroup((entries) => db.transaction((tx) => appendAll(tx, entries)), {
    ...{ most: MOST, isOneItems: isRefusedData },
  });

async function appendAll(tx: Tx, entries: readonly Signed[]): Promise<readonly IssuedReceipt[]> {
  await lockLog(tx);
  const subjects = entries.map(({ subject }) => subject);
  const issued = new Map(await lookUpReceipts(tx, subjects));
  const added = new Map(
    entries.filter(({ subject }) => !issued.has(subject)).map((entry) => [entry.subject, entry]),
  );
  if (added.size > 0) {
    const leaves = [...added.values()].map((entry) => leafHash(receiptLeaf(entry)));
    const first = await appendToLog(tx, leaves);
    const placed = [...added.values()].map((entry, i) => ({ ...entry, leafIndex: first + i }));
    await insert(tx, placed);
    for (const { subject, salts: _, ...entry } of placed) {
      issued.set(subject, { ...entry, id: entry.receipt.id });
    }
  }
  return subjects.map((subject) => issued.get(subject) as IssuedReceipt);
}

async function insert(
  tx: Tx,
  placed: readonly (Signed & { readonly leafIndex: number })[],
): Promise<void> {
  const rows = placed.map(({ receipt, signature, ...entry }) => ({
    ...{ id: receipt.id, subject: entry.subject, kind: receipt.kind },
    ...{ inference_id: entry.inferenceId, payer_id: entry.payerId, readers: entry.readers },
    ...{ hash: entry.hash, document: canonicalize(receipt), leaf_index: entry.leafIndex },
    ...{ signer: signature.signer, signature: signature.value, issued_at: entry.issuedAt },
  }));
  await tx.query(
    prepared(
      'receipts.add',
      sql`
    insert into receipts.receipts
      (id, subject, kind, inference_id, payer_id, readers, hash, document, signer, signature, leaf_index, issued_at)
    select id, subject, kind, inference_id, payer_id, readers, hash, document, signer, signature, leaf_index, issued_at
    from json_populate_recordset(null::receipts.receipts, ${JSON.stringify(rows)}::json)`,
    ),
  );
  const salts = placed.flatMap(({ inferenceId, salts }) =>
    salts ? [{ inference_id: inferenceId, ...salts }] : [],
  );
  await tx.query(
    prepared(
      'receipts.add-salts',
      sql`
    insert into receipts.salts (inference_id, request, output)
    select inference_id, request, output
    from json_populate_recordset(null::receipts.salts, ${JSON.stringify(salts)}::json)`,
    ),
  );
}
