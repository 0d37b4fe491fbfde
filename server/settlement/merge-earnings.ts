/**
 * A party's earnings over several shards, added up. Pure, and not called by any process: each shard settles for itself.
 *
 * What shards credit commutes, so their sums are the sums of one ledger with the same history, but for fractions: each shard
 * credits whole units and keeps what is below one in its own `control:data`. Over n shards a party may so have up to n - 1
 * units less than in one ledger, never more, and nothing is lost: `units` and `fraction` together are exactly what it is
 * entitled to. Pools are folded shard by shard, each fold rounding a member down by less than 2^-64 units.
 */
import { WEIGHT_ONE } from '@openledger/protocol';

/** What one shard says of a party: sums of amount * weight in 2^-64 units, and the whole units credited of them. */
export type ShardEarning = {
  readonly party: string;
  readonly entitled: bigint;
  readonly credited: bigint;
};

export type MergedEarning = {
  /** Credited in the shards' ledgers: what can be paid. */
  readonly units: bigint;
  /** Owed beyond that, in 2^-64 units: below one unit for each shard. */
  readonly fraction: bigint;
};

/** @param shards what each shard says, one row a party and shard */
export function mergeEarnings(
  shards: readonly (readonly ShardEarning[])[],
): ReadonlyMap<string, MergedEarning> {
  const merged = new Map<string, MergedEarning>();
  for (const { party, entitled, credited } of shards.flat()) {
    const before = merged.get(party) ?? { units: 0n, fraction: 0n };
    merged.set(party, {
      units: before.units + credited,
      fraction: before.fraction + entitled - credited * WEIGHT_ONE,
    });
  }
  return merged;
}
