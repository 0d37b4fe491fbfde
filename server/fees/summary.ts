/** The stage in numbers. */
import { PPM_ONE, WEIGHT_ONE } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';

export type FeesSummary = {
  readonly epoch: number;
  readonly inferences: number;
  readonly units: bigint;
  readonly dataUnits: bigint;
  /** Credited to parties for data. */
  readonly creditedUnits: bigint;
  readonly partiesCredited: number;
  /** Of the data legs: what evidence gave to parties directly; the rest went by the prior. */
  readonly evidencePpm: number;
  /** From the answer to the credit in the ledger; undefined before the first credit. */
  readonly creditMs: { readonly p50: number; readonly p99: number } | undefined;
};

type Row = {
  epoch: number;
  inferences: string;
  units: string;
  data_units: string;
  credited: string;
  parties: string;
  prior: string;
  p50: number | null;
  p99: number | null;
};

/** Sums are of what is left after refunds; a price that was refunded whole is left out. */
export async function summarizeFees(on: Reader): Promise<FeesSummary> {
  const [row] = await on.query<Row>(sql`
    with routed as (
      select sale_id, units - refunded_units as units, data_units - refunded_data as data_units, extract(epoch from batches.posted_at - served_at) * 1000 as credit_ms
      from fees.routings
      left join fees.batches on batches.id = batch_id
      where is_posted and (units = 0 or refunded_units < units)
    )
    select
      (select number from fees.epochs where closed_at is null) as epoch,
      (select count(*) from routed where sale_id like 'inf\_%') as inferences,
      (select coalesce(sum(units), 0) from routed) as units,
      (select coalesce(sum(data_units), 0) from routed) as data_units,
      (select coalesce(sum(credited), 0) from fees.entitlements) as credited,
      (select count(*) from fees.entitlements where payee like 'pty\\_%' and credited > 0) as parties,
      (select coalesce(sum(sub_units), 0) from fees.pool_epochs where not is_folded)
        + (select coalesce(sum(folded), 0) from fees.pools)
        as prior,
      (select percentile_cont(0.5) within group (order by credit_ms) from routed) as p50,
      (select percentile_cont(0.99) within group (order by credit_ms) from routed) as p99`);
  const dataSubUnits = BigInt(row.data_units) * WEIGHT_ONE;
  const evidence = dataSubUnits - BigInt(row.prior);
  return {
    epoch: row.epoch,
    inferences: Number(row.inferences),
    units: BigInt(row.units),
    dataUnits: BigInt(row.data_units),
    creditedUnits: BigInt(row.credited),
    partiesCredited: Number(row.parties),
    evidencePpm: dataSubUnits === 0n ? 0 : Number((evidence * BigInt(PPM_ONE)) / dataSubUnits),
    creditMs: row.p50 === null || row.p99 === null ? undefined : { p50: row.p50, p99: row.p99 },
  };
}
