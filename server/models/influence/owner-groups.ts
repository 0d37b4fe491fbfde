/** The players of an ensemble: records by their owners, in at most 32 groups. */

const MOST_GROUPS = 32;

export type OwnedRecord = {
  readonly hash: string;
  /** Names the record's owners and their parts, as their entitlement's hash does. */
  readonly owners: string;
  readonly characters: number;
};

/**
 * Owners with the most text first, each to the group with the least text so far: groups of like size, and never one owner's
 * records in two of them. The same records give the same groups, in whatever order they come.
 *
 * @returns hashes of records, group by group, none of them empty
 */
export function ownerGroups(records: readonly OwnedRecord[]): readonly (readonly string[])[] {
  const byOwners = new Map<string, OwnedRecord[]>();
  for (const record of records) {
    const own = byOwners.get(record.owners) ?? [];
    own.push(record);
    byOwners.set(record.owners, own);
  }
  const owners = [...byOwners]
    .map(([name, own]) => ({ name, own, size: own.reduce((sum, one) => sum + one.characters, 0) }))
    .sort((a, b) => b.size - a.size || (a.name < b.name ? -1 : 1));
  const groups = Array.from({ length: Math.min(MOST_GROUPS, owners.length) }, () => ({
    size: 0,
    hashes: [] as string[],
  }));
  for (const { own, size } of owners) {
    const least = groups.reduce((best, group) => (group.size < best.size ? group : best));
    least.size += size;
    least.hashes.push(...own.map(({ hash }) => hash));
  }
  return groups.map(({ hashes }) => hashes.sort());
}
