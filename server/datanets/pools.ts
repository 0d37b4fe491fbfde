/** Pools: who is entitled to a snapshot as a whole, one version for each set of withdrawn records. */
import {
  type EntitlementList,
  type EntitlementVector,
  formatEntitlement,
  OpenLedgerError,
  parseEntitlement,
  poolEntitlement,
} from '@openledger/protocol';
import type { Reader, Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';

export type Pool = {
  readonly snapshotId: string;
  readonly version: number;
  /** Empty when nothing counts any more: then the commons are paid. */
  readonly members: EntitlementVector;
};

export async function insertPool(tx: Tx, pool: Pool & { readonly at: Date }): Promise<void> {
  await tx.query(sql`
    insert into datanets.pools (snapshot_id, version, vector, created_at)
    values (${pool.snapshotId}, ${pool.version}, ${JSON.stringify(formatEntitlement(pool.members))}::jsonb, ${pool.at})`);
}

/** The newest version, or the one asked for. @throws not_found */
export async function findPool(
  reader: Reader,
  snapshotId: string,
  version?: number,
): Promise<Pool> {
  const [row] = await reader.query<{ version: number; vector: EntitlementList }>(sql`
    select version, vector
    from datanets.pools
    where snapshot_id = ${snapshotId}
      and (${version ?? null}::integer is null or version = ${version ?? null})
    order by version desc
    limit 1`);
  if (!row) {
    throw new OpenLedgerError(
      'not_found',
      `There is no pool ${version ?? ''} of the snapshot ${snapshotId}.`,
      {
        snapshotId,
      },
    );
  }
  return { snapshotId, version: row.version, members: parseEntitlement(row.vector) };
}

/** Counts the members again without what is withdrawn, as a new version. @returns its number */
export async function renewPool(tx: Tx, snapshotId: string, at: Date): Promise<number> {
  const rows = await tx.query<{ vector: EntitlementList; value: string }>(sql`
    select vector, sum(owned_information::numeric * quality) as value
    from datanets.leaves
    join datanets.entitlements on hash = owned_hash
    where snapshot_id = ${snapshotId} and withdrawn_from is null
    group by hash, vector`);
  const members = poolEntitlement(
    rows.map(({ vector, value }) => ({ owners: parseEntitlement(vector), value: BigInt(value) })),
  );
  const version = (await findPool(tx, snapshotId)).version + 1;
  await insertPool(tx, { snapshotId, version, members, at });
  return version;
}
