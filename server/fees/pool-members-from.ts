/** Pools by their names, read through the datanets' door. */
import type { EntitlementVector } from '@openledger/protocol';
import type { Datanets } from '../datanets/index.ts';

/** A pool never changes under its name, so the last ones asked for are kept. */
const KEPT = 32;

export function poolMembersFrom(
  datanets: Pick<Datanets, 'poolOf'>,
): (pool: string) => Promise<EntitlementVector> {
  const known = new Map<string, EntitlementVector>();
  return async (pool) => {
    const members = known.get(pool) ?? (await read(datanets, pool));
    known.delete(pool);
    known.set(pool, members);
    if (known.size > KEPT) known.delete(known.keys().next().value as string);
    return members;
  };
}

async function read(datanets: Pick<Datanets, 'poolOf'>, pool: string): Promise<EntitlementVector> {
  const [, snapshotId, version] = /^pool:(snp_[0-9a-f]{32}):([1-9][0-9]*)$/.exec(pool) ?? [];
  if (!snapshotId) throw new Error(`"${pool}" is not a pool.`);
  return (await datanets.poolOf(snapshotId, Number(version))).members;
}
