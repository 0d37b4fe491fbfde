/** To whom goes what waited for a decision. */
import { type EntitlementVector, parseEntitlement, WEIGHT_ONE } from '@openledger/protocol';
import type { Reader } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';
import type { Owner } from '../contributors.ts';

/** Who is entitled to what the escrow parties of closed disputes have; others are not in it. */
export async function heirsOf(
  reader: Reader,
  partyIds: readonly string[],
): Promise<ReadonlyMap<string, EntitlementVector>> {
  const rows = await reader.query<{
    escrow_id: string;
    claimant_id: string | null;
    owners: Owner[] | null;
  }>(sql`
    select escrow_id, case when state = 'upheld' then claimant_id end as claimant_id, owners
    from datanets.disputes
    left join datanets.contributions on contributions.datanet_id = disputes.datanet_id
      and contributions.record_hash = case when state = 'upheld' then earlier_hash else disputes.record_hash end
    where state <> 'open' and escrow_id = any(${partyIds}::text[])`);
  return new Map(
    rows.map((row) => [
      row.escrow_id,
      row.claimant_id
        ? [{ party: row.claimant_id, weight: WEIGHT_ONE }]
        : parseEntitlement(row.owners!),
    ]),
  );
}
