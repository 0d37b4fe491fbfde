/** The stage in numbers. */
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';

export type GatewaySummary = {
  /** Calls that ended with an answer. */
  readonly served: number;
  /** Calls under way. */
  readonly running: number;
};

export async function summarizeInferences(on: Reader): Promise<GatewaySummary> {
  const [row] = await on.query<{ served: string; running: string }>(sql`
    select count(*) filter (where status = 'served') as served,
           count(*) filter (where status = 'held') as running
    from gateway.inferences`);
  return { served: Number(row.served), running: Number(row.running) };
}
