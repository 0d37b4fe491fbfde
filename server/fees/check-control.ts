/** Proves that the control account holds exactly the fractions that nobody could be credited with yet. */
import { WEIGHT_ONE } from '@openledger/protocol';
import { sleep } from '../platform/clock.ts';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { rollUp } from './roll-up.ts';
import { CONTROL, type FeesHandles } from './stage.ts';

export type ControlCheck = {
  readonly holds: boolean;
  /** What the ledger says the control account holds. */
  readonly balance: bigint;
  /** What went in and out of it by this stage's own records. */
  readonly expected: bigint;
  /** Of parties: entitlements less credits, in 2^-64 units. */
  readonly fractions: bigint;
  /** Of pools: what they took in since they were last folded, and the remainders of folds, in 2^-64 units. */
  readonly pools: bigint;
};

const ATTEMPTS = 40;

/**
 * Holds when balance == expected and expected * 2^64 == fractions + pools, exactly. Every roll-up, fold and correction checks
 * the same of what it changes (`bookControl`); this adds everything up.
 *
 * Rolls up first. While other processes have postings under way the two books are a moment apart, so an unequal pair
 * is looked at again for about two seconds before it counts.
 */
export async function checkControl(handles: FeesHandles): Promise<ControlCheck> {
  for (let attempt = 1; ; attempt++) {
    await rollUp(handles);
    const { kept, ...books } = await readBooks(handles.db);
    const balance = await handles.ledger.balance(CONTROL);
    const owed = books.fractions + books.pools;
    const holds =
      balance === books.expected && books.expected * WEIGHT_ONE === owed && kept === owed;
    if (holds || attempt === ATTEMPTS) return { holds, balance, ...books };
    await sleep(50);
  }
}

/** One statement, so that all sums are of one moment. */
async function readBooks(
  on: Reader,
): Promise<Omit<ControlCheck, 'holds' | 'balance'> & { readonly kept: bigint }> {
  const [row] = await on.query<{
    expected: string;
    fractions: string;
    pools: string;
    kept: string;
  }>(sql`
    select
      (select coalesce(sum(data_units), 0) from fees.routings where is_posted)
        + (select coalesce(sum(control), 0) from fees.batches where posted_at is not null)
        as expected,
      (select coalesce(sum(entitled - credited * ${WEIGHT_ONE}::numeric), 0) from fees.entitlements)
        as fractions,
      (select coalesce(sum(sub_units), 0) from fees.pool_epochs where not is_folded)
        + (select coalesce(sum(remainder), 0) from fees.pools)
        as pools,
      (select sub_units from fees.control)
        as kept`);
  return {
    expected: BigInt(row.expected),
    fractions: BigInt(row.fractions),
    pools: BigInt(row.pools),
    kept: BigInt(row.kept),
  };
}
