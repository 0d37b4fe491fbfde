/** The stage in numbers. */
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';

export type SettlementSummary = {
  /** Claims that the vault has paid. */
  readonly payouts: number;
  readonly paidUnits: bigint;
};

export async function summarizePayouts(on: Reader): Promise<SettlementSummary> {
  const [row] = await on.query<{ payouts: string; paid: string }>(sql`
    select count(*) as payouts, coalesce(sum(amount), 0) as paid
    from settlement.events
    where kind = 'claimed'`);
  return { payouts: Number(row.payouts), paidUnits: BigInt(row.paid) };
}
