/** What sub-units change: entitlements, whole units credited or taken back, and the sums of pools. */
import {
  COMMONS,
  type Entitlement,
  entitle,
  foldPool,
  NO_ENTITLEMENT,
  outstanding,
  type Shares,
  type SubUnits,
  sharesOf,
  sumSubUnits,
  WEIGHT_ONE,
} from '@openledger/protocol';
import type { Reader, Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { Move } from './batches.ts';
import type { Repayment } from './receivables.ts';
import { planRepayments, type Receivable, receivablesOf } from './receivables.ts';
import { CONTROL, creditAccount, type FeesHandles, isPool } from './stage.ts';

/** New entitlements by payee, and the whole units that follow. */
export type Credits = {
  readonly entitlements: ReadonlyMap<string, Entitlement>;
  /** In order of payee; negative where units are taken back. Without zeros. */
  readonly units: ReadonlyMap<string, bigint>;
  /** What the payees' fractions change by together, in sub-units. */
  readonly fractions: bigint;
};

/** Pure: the same sums and the same entitlements always give the same credits. */
export function planCredits(added: SubUnits, before: ReadonlyMap<string, Entitlement>): Credits {
  const entitlements = new Map<string, Entitlement>();
  const units = new Map<string, bigint>();
  let fractions = 0n;
  for (const payee of [...added.keys()].sort()) {
    const old = before.get(payee) ?? NO_ENTITLEMENT;
    const { entitlement, credit } = entitle(old, added.get(payee) ?? 0n);
    entitlements.set(payee, entitlement);
    if (credit !== 0n) units.set(payee, credit);
    fractions += outstanding(entitlement) - outstanding(old);
  }
  return { entitlements, units, fractions };
}

/** All that sums of sub-units change in this stage's tables. */
export type Change = Credits & {
  readonly epoch: number;
  /** Of pools that are not folded yet, by pool. */
  readonly inflows: SubUnits;
  readonly folds: readonly Fold[];
};

type Fold = {
  readonly pool: string;
  readonly added: bigint;
  readonly folded: bigint;
  readonly remainder: bigint;
  readonly remainderBefore: bigint;
};

/** What control must hold more, by this change, in sub-units. */
export const owedBy = ({ fractions, inflows, folds }: Change): bigint =>
  [...inflows.values()].reduce((sum, each) => sum + each, fractions) +
  folds.reduce((sum, { remainder, remainderBefore }) => sum + remainder - remainderBefore, 0n);

/** Sums for payees, and for pools of an epoch that has not matured: those only add up. */
export async function planChange(on: Reader, sums: SubUnits, epoch: number): Promise<Change> {
  const { payees, pools } = partition(sums);
  const credits = planCredits(payees, await readEntitlements(on, [...payees.keys()]));
  return { ...credits, epoch, inflows: pools, folds: [] };
}

/** Sums whose pools are passed on to their members at once, because the epoch matures or has. */
export async function planFoldedChange(
  on: Reader,
  { poolMembers }: Pick<FeesHandles, 'poolMembers'>,
  sums: SubUnits,
  epoch: number,
): Promise<Change> {
  const { payees, pools } = partition(sums);
  const standing = await readFolds(on, [...pools.keys()]);
  const folds: Fold[] = [];
  const passedOn: SubUnits[] = [payees];
  for (const [pool, subUnits] of pools) {
    const { folded: before, remainder: remainderBefore } = standing.get(pool) ?? UNFOLDED;
    const folded = before + subUnits;
    const { added, remainder } = foldPool(
      { before, after: folded },
      heirsOf(await poolMembers(pool)),
    );
    passedOn.push(added);
    folds.push({ pool, added: subUnits, folded, remainder, remainderBefore });
  }
  const added = sumSubUnits(passedOn);
  const credits = planCredits(added, await readEntitlements(on, [...added.keys()]));
  return { ...credits, epoch, inflows: new Map(), folds };
}

const UNFOLDED = { folded: 0n, remainder: 0n };

/** A pool without members pays the commons. */
const heirsOf = (
  members: readonly { readonly party: string; readonly weight: bigint }[],
): Shares => (members.length === 0 ? [{ to: COMMONS, weight: WEIGHT_ONE }] : sharesOf(members));

function partition(sums: SubUnits): { readonly payees: SubUnits; readonly pools: SubUnits } {
  const payees = new Map<string, bigint>();
  const pools = new Map<string, bigint>();
  for (const [to, subUnits] of sums) (isPool(to) ? pools : payees).set(to, subUnits);
  return { payees, pools };
}

/**
 * Who receives the units that are credited: whoever advanced something for the payee, oldest first, and then the payee.
 */
export async function planPayments(
  on: Reader,
  { units, epoch }: Pick<Change, 'units' | 'epoch'>,
): Promise<{ readonly moves: readonly Move[]; readonly repayments: readonly Repayment[] }> {
  const credited = [...units].filter(([, credit]) => credit > 0n);
  const debts = await receivablesOf(
    on,
    credited.map(([payee]) => payee),
  );
  return creditMoves(credited, debts, epoch);
}

/** Pure. */
export function creditMoves(
  credited: readonly (readonly [string, bigint])[],
  debts: ReadonlyMap<string, readonly Receivable[]>,
  epoch: number,
): { readonly moves: readonly Move[]; readonly repayments: readonly Repayment[] } {
  const moves: Move[] = [];
  const repayments: Repayment[] = [];
  for (const [payee, credit] of credited) {
    const repaid = planRepayments(debts.get(payee) ?? [], [{ account: CONTROL, amount: credit }]);
    moves.push(...repaid.moves);
    repayments.push(...repaid.repayments);
    const rest = repaid.repayments.reduce((left, { amount }) => left - amount, credit);
    if (rest > 0n) moves.push({ from: CONTROL, to: creditAccount(payee, epoch), amount: rest });
  }
  return { moves, repayments };
}

async function readEntitlements(
  on: Reader,
  payees: readonly string[],
): Promise<Map<string, Entitlement>> {
  const rows = await on.query<{ payee: string; entitled: string; credited: string }>(sql`
    select payee, entitled, credited
    from fees.entitlements
    where payee = any(${payees}::text[])`);
  return new Map(
    rows.map((row) => [
      row.payee,
      { entitled: BigInt(row.entitled), credited: BigInt(row.credited) },
    ]),
  );
}

async function readFolds(
  on: Reader,
  pools: readonly string[],
): Promise<ReadonlyMap<string, { readonly folded: bigint; readonly remainder: bigint }>> {
  const rows = await on.query<{ pool: string; folded: string; remainder: string }>(sql`
    select pool, folded, remainder from fees.pools where pool = any(${pools}::text[])`);
  return new Map(
    rows.map(({ pool, folded, remainder }) => [
      pool,
      { folded: BigInt(folded), remainder: BigInt(remainder) },
    ]),
  );
}

/** The caller plans alone. */
export async function writeChange(tx: Tx, change: Change): Promise<void> {
  await writeEntitlements(tx, change.entitlements);
  await addToPools(tx, change);
  await writeFolds(tx, change);
}

async function writeEntitlements(
  tx: Tx,
  entitlements: ReadonlyMap<string, Entitlement>,
): Promise<void> {
  const rows = [...entitlements];
  if (rows.length === 0) return;
  await tx.query(sql`
    insert into fees.entitlements (payee, entitled, credited)
    select * from unnest(
      ${rows.map(([payee]) => payee)}::text[],
      ${rows.map(([, { entitled }]) => entitled)}::numeric[],
      ${rows.map(([, { credited }]) => credited)}::numeric[]
    )
    on conflict (payee) do update
    set entitled = excluded.entitled, credited = excluded.credited`);
}

/** One row a pool, whatever its members. */
async function addToPools(tx: Tx, { inflows, epoch }: Change): Promise<void> {
  const rows = [...inflows];
  if (rows.length === 0) return;
  const pools = rows.map(([pool]) => pool);
  await tx.query(sql`
    insert into fees.pool_epochs (pool, epoch, sub_units)
    select pool, ${epoch}, 0
    from unnest(${pools}::text[]) as pool
    on conflict (pool, epoch) do nothing`);
  await tx.query(sql`
    update fees.pool_epochs
    set sub_units = pool_epochs.sub_units + added.sub_units
    from unnest(${pools}::text[], ${rows.map(([, subUnits]) => subUnits)}::numeric[]) as added (pool, sub_units)
    where pool_epochs.pool = added.pool and epoch = ${epoch} and not is_folded`);
}

async function writeFolds(tx: Tx, { folds }: Change): Promise<void> {
  for (const { pool, folded, remainder } of folds) {
    await tx.query(sql`
      insert into fees.pools (pool, folded, remainder)
      values (${pool}, ${folded}, ${remainder})
      on conflict (pool) do update
      set folded = excluded.folded, remainder = excluded.remainder`);
  }
}
