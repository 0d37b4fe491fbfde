/** The record of refunds and reallocations: tentative until the ledger has taken them, forgotten when it refuses. */
import type { Shares } from '@openledger/protocol';
import type { Reader, Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { Advance, Repayment } from './receivables.ts';
import { type SaleId, sharesFromRow } from './routings.ts';

/** What changes of a routed price. */
export type Wish = { readonly saleId: SaleId; readonly name: string } & (
  | {
      readonly kind: 'refund';
      readonly units: bigint;
      /** Of each leg. */
      readonly parts: readonly bigint[];
    }
  | { readonly kind: 'reallocation'; readonly shares: Shares }
);

/** A wish with its plan. */
export type PlannedCorrection = Wish & {
  readonly advances: readonly Advance[];
  readonly repayments: readonly Repayment[];
  readonly batchId: string;
  readonly recordedAt: Date;
};

export type Correction = PlannedCorrection & { readonly isApplied: boolean };

type Row = {
  sale_id: SaleId;
  kind: Wish['kind'];
  name: string;
  units: string | null;
  parts: string[] | null;
  share_to: string[] | null;
  share_weights: string[] | null;
  advances: { party: string; creditor: string; amount: string }[];
  repayments: { receivable: string; amount: string }[];
  batch_id: string;
  recorded_at: Date;
  is_applied: boolean;
};

const columns = sql`
  sale_id, kind, name, units, parts::text[], share_to, share_weights::text[], advances, repayments, batch_id,
  recorded_at, is_applied`;

export async function lookUpCorrection(
  on: Reader,
  { saleId, kind, name }: { saleId: string; kind: Wish['kind']; name: string },
): Promise<Correction | undefined> {
  const [row] = await on.query<Row>(sql`
    select ${columns}
    from fees.corrections
    where sale_id = ${saleId} and kind = ${kind} and name = ${name}`);
  return row && correctionFromRow(row);
}

export async function findTentative(on: Reader): Promise<Correction | undefined> {
  const [row] = await on.query<Row>(sql`
    select ${columns} from fees.corrections where not is_applied`);
  return row && correctionFromRow(row);
}

export async function insertCorrection(tx: Tx, correction: PlannedCorrection): Promise<void> {
  const refund = correction.kind === 'refund' ? correction : undefined;
  const shares = correction.kind === 'reallocation' ? correction.shares : undefined;
  await tx.query(sql`
    insert into fees.corrections
      (sale_id, kind, name, units, parts, share_to, share_weights, advances, repayments, batch_id, recorded_at)
    values (
      ${correction.saleId}, ${correction.kind}, ${correction.name}, ${refund?.units ?? null},
      ${refund?.parts ?? null}, ${shares?.map(({ to }) => to) ?? null},
      ${shares?.map(({ weight }) => weight) ?? null},
      ${formatAmounts(correction.advances)}, ${formatAmounts(correction.repayments)},
      ${correction.batchId}, ${correction.recordedAt}
    )`);
}

/** The ledger has refused it, and nothing of it is left. */
export async function forgetCorrection(tx: Tx, batchId: string): Promise<void> {
  await tx.query(sql`delete from fees.corrections where batch_id = ${batchId}`);
  await tx.query(sql`delete from fees.batches where id = ${batchId}`);
}

const formatAmounts = (rows: readonly { readonly amount: bigint }[]): string =>
  JSON.stringify(rows.map((row) => ({ ...row, amount: row.amount.toString() })));

function correctionFromRow(row: Row): Correction {
  const common = {
    saleId: row.sale_id,
    name: row.name,
    advances: row.advances.map((one) => ({ ...one, amount: BigInt(one.amount) })),
    repayments: row.repayments.map((one) => ({ ...one, amount: BigInt(one.amount) })),
    batchId: row.batch_id,
    recordedAt: row.recorded_at,
    isApplied: row.is_applied,
  };
  if (row.kind === 'refund') {
    const parts = (row.parts ?? []).map(BigInt);
    return { ...common, kind: row.kind, units: BigInt(row.units ?? 0), parts };
  }
  const shares = sharesFromRow(row.share_to ?? [], row.share_weights ?? []);
  return { ...common, kind: row.kind, shares };
}
