/**
 * Governance: which fee policy is in force, and every policy that ever was.
 *
 * It promises that
 * - a policy is named by the SHA-256 of its canonical document and never changes under that name;
 * - there is always exactly one policy in force, from the first start on;
 * - what was in force at a given time can be told for ever, so that an old receipt can be recomputed.
 *
 * It does not decide: proposals, votes and stakes come from the chain and will enact policies through this door.
 * It does not apply a policy either; fees and attribution do.
 *
 * Tables: governance.policies, governance.terms.
 */
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import { seedPolicy } from './enact.ts';
import { type EnactedPolicy, findPolicy, policyInForce } from './policies.ts';

export type { EnactedPolicy } from './policies.ts';

export type Governance = {
  policyInForce(): Promise<EnactedPolicy>;
  /** @throws not_found when no policy of this hash was ever in force */
  findPolicy(hash: string): Promise<EnactedPolicy>;
};

/** Puts the default policy in force where there is none yet. */
export async function createGovernance({
  db,
  clock,
}: {
  readonly db: Db;
  readonly clock: Clock;
}): Promise<Governance> {
  await db.transaction((tx) => seedPolicy(tx, clock.now()));
  return {
    policyInForce: () => policyInForce(db, clock.now()),
    findPolicy: (hash) => findPolicy(db, hash, clock.now()),
  };
}
