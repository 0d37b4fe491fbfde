/** The record of receipts. */
import {
  type Id,
  OpenLedgerError,
  parseCanonical,
  Receipt,
  type SignedReceipt,
} from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { prepared, sql } from '../platform/sql.ts';

/** A receipt in the log. */
export type IssuedReceipt = SignedReceipt & {
  readonly id: Id<'receipt'>;
  readonly hash: string;
  readonly inferenceId: string;
  readonly payerId: string;
  /** Parties that have a part in it. */
  readonly readers: readonly string[];
  readonly leafIndex: number;
  readonly issuedAt: Date;
};

type Row = {
  id: Id<'receipt'>;
  inference_id: string;
  payer_id: string;
  readers: string[];
  hash: string;
  document: string;
  signer: string;
  signature: string;
  leaf_index: string;
  issued_at: Date;
};

const columns = sql`
  id, inference_id, payer_id, readers, hash, document, signer, signature, leaf_index, issued_at`;

/** @throws not_found */
export async function findReceipt(on: Reader, receiptId: string): Promise<IssuedReceipt> {
  const [row] = await on.query<Row>(sql`
    select ${columns}
    from receipts.receipts
    where id = ${receiptId}`);
  if (!row) throw new OpenLedgerError('not_found', `No receipt ${receiptId}.`, { receiptId });
  return fromRow(row);
}

/** The receipt for one subject: an inference, or a reversing transaction. */
export const lookUpReceipt = async (
  on: Reader,
  subject: string,
): Promise<IssuedReceipt | undefined> => (await lookUpReceipts(on, [subject])).get(subject);

/** The receipts that there are for these subjects. */
export async function lookUpReceipts(
  on: Reader,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, IssuedReceipt>> {
  const rows = await on.query<Row & { subject: string }>(
    prepared(
      'receipts.of-subjects',
      sql`
    select subject, ${columns}
    from receipts.receipts
    where subject = any(${subjects})`,
    ),
  );
  return new Map(rows.map((row) => [row.subject, fromRow(row)]));
}

/** A payer's receipts, newest first. */
export async function listReceipts(
  on: Reader,
  query: { readonly payerId: string; readonly limit: number; readonly after?: string },
): Promise<readonly IssuedReceipt[]> {
  const { payerId, limit, after = null } = query;
  const rows = await on.query<Row>(sql`
    select ${columns}
    from receipts.receipts
    where payer_id = ${payerId} and (${after}::text is null or id < ${after})
    order by id desc
    limit ${limit}`);
  return rows.map(fromRow);
}

const fromRow = (row: Row): IssuedReceipt => ({
  id: row.id,
  receipt: Receipt.parse(parseCanonical(row.document)),
  signature: { scheme: 'eip712', signer: row.signer, value: row.signature },
  hash: row.hash,
  inferenceId: row.inference_id,
  payerId: row.payer_id,
  readers: row.readers,
  leafIndex: Number(row.leaf_index),
  issuedAt: row.issued_at,
});
