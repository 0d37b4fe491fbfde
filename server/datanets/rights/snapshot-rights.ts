/** The rights of what a snapshot holds, and whether models and contexts made of it may be used. */
import type { Purpose } from '@openledger/protocol';
import type { Reader } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';
import { assertRights, faultOfUse, type RightsGroup } from './rights.ts';

/** A record beside others in a prompt. */
export type ContextRecord = {
  readonly recordHash: string;
  readonly licence: string;
  readonly purposes: readonly Purpose[] | undefined;
};

export type SnapshotUse = {
  /** What the model learned from. */
  readonly snapshotIds: readonly string[];
  /** What is put into the prompt. */
  readonly context: readonly ContextRecord[];
  /** True: somebody pays for it. */
  readonly commercial: boolean;
};

export type SnapshotRights = {
  /** Of all that was sealed, withdrawn records included: it never changes. */
  sealed(snapshotId: string): Promise<readonly RightsGroup[]>;
  /** Of what still counts. */
  live(snapshotId: string): Promise<readonly RightsGroup[]>;
  /** @throws purpose_not_licensed, licences_conflict */
  assertUse(use: SnapshotUse): Promise<void>;
};

/** Snapshots whose rights are held in memory; the one read first goes first. */
const MOST_SNAPSHOTS = 256;

export function createSnapshotRights(reader: Reader): SnapshotRights {
  const known = new Map<string, Promise<readonly RightsGroup[]>>();
  const live = (snapshotId: string) => readGroups(reader, snapshotId, { withdrawn: false });

  function sealed(snapshotId: string): Promise<readonly RightsGroup[]> {
    const groups = known.get(snapshotId) ?? readGroups(reader, snapshotId, { withdrawn: true });
    known.set(snapshotId, groups);
    groups.catch(() => known.delete(snapshotId));
    for (const oldest of known.keys()) {
      if (known.size <= MOST_SNAPSHOTS) break;
      known.delete(oldest);
    }
    return groups;
  }

  return {
    ...{ sealed, live },
    async assertUse({ snapshotIds, context, commercial }) {
      const pay: readonly Purpose[] = commercial ? ['commercial'] : [];
      const usesOf = async (groupsOf: typeof live) => [
        {
          groups: (await Promise.all([...new Set(snapshotIds)].map(groupsOf))).flat(),
          purposes: ['train' as const, ...pay],
        },
        { groups: contextGroups(context), purposes: ['retrieve' as const, ...pay] },
      ];
      if (faultOfUse(await usesOf(sealed)) === undefined) return;
      assertRights(await usesOf(live)); // what was in the way may have been withdrawn since
    },
  };
}

const contextGroups = (context: readonly ContextRecord[]): readonly RightsGroup[] =>
  context.map(({ recordHash, licence, purposes }) => ({
    ...{ licence, purposes, records: 1, examples: [recordHash] },
  }));

async function readGroups(
  reader: Reader,
  snapshotId: string,
  { withdrawn }: { readonly withdrawn: boolean },
): Promise<readonly RightsGroup[]> {
  const rows = await reader.query<{
    licence: string;
    purposes: Purpose[] | null;
    records: string;
    examples: string[];
  }>(sql`
    select leaves.licence, purposes, count(*) as records,
      (array_agg(leaves.record_hash order by position))[1:5] as examples
    from datanets.leaves
    join datanets.contributions
      on contributions.datanet_id = leaves.datanet_id and contributions.record_hash = document_hash
    where snapshot_id = ${snapshotId} and (${withdrawn} or withdrawn_from is null)
    group by leaves.licence, purposes
    order by min(position)`);
  return rows.map(({ licence, purposes, records, examples }) => ({
    ...{ licence, purposes: purposes ?? undefined, records: Number(records), examples },
  }));
}
