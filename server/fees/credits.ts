/** Adds sub-units to entitlements and pools, and says which whole units that credits. */
import { type Entitlement, entitle, NO_ENTITLEMENT, type SubUnits } from '@openledger/protocol';
import type { Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { Move } from './batches.ts';
import { CONTROL, creditAccount, isPool } from './stage.ts';

/** New entitlements by payee, and the moves between the control account and the payees that follow. */
export type Credits = {
  readonly entitlements: ReadonlyMap<string, Entitlement>;
  readonly moves: readonly Move[];
};

/** Pure: the same sums and the same entitlements always give the same moves, in order of payee. */
export function planCredits(
  added: SubUnits,
  before: ReadonlyMap<string, Entitlement>,
  epoch: number,
): Credits {
  const entitlements = new Map<string, Entitlement>();
  const moves: Move[] = [];
  for (const payee of [...added.keys()].sort()) {
    const { entitlement, credit } = entitle(
      before.get(payee) ?? NO_ENTITLEMENT,
      added.get(payee) ?? 0n,
    );
    entitlements.set(payee, entitlement);
    const account = creditAccount(payee, epoch);
    if (credit > 0n) moves.push({ from: CONTROL, to: account, amount: credit });
    if (credit < 0n) moves.push({ from: account, to: CONTROL, amount: -credit });
  }
  return { entitlements, moves };
}

/** Applies sums to payees and pools alike. The caller holds `lockEntitlements`. @returns the moves to post */
export async function creditSubUnits(
  tx: Tx,
  sums: SubUnits,
  epoch: number,
): Promise<readonly Move[]> {
  const pools = new Map([...sums].filter(([to]) => isPool(to)));
  const payees = new Map([...sums].filter(([to]) => !isPool(to)));
  const { entitlements, moves } = planCredits(payees, await readEntitlements(tx, payees), epoch);
  await writeEntitlements(tx, entitlements);
  await addToPools(tx, pools, epoch);
  return moves;
}

async function readEntitlements(tx: Tx, payees: SubUnits): Promise<Map<string, Entitlement>> {
  const rows = await tx.query<{ payee: string; entitled: string; credited: string }>(sql`
    select payee, entitled, credited
    from fees.entitlements
    where payee = any(${[...payees.keys()]}::text[])`);
  return new Map(
    rows.map((row) => [
      row.payee,
      { entitled: BigInt(row.entitled), credited: BigInt(row.credited) },
    ]),
  );
}

async function writeEntitlements(
  tx: Tx,
  entitlements: ReadonlyMap<string, Entitlement>,
): Promise<void> {
  const rows = [...entitlements];
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

async function addToPools(tx: Tx, pools: SubUnits, epoch: number): Promise<void> {
  const rows = [...pools];
  await tx.query(sql`
    insert into fees.pool_epochs (pool, epoch, sub_units)
    select pool, ${epoch}, sub_units
    from unnest(
      ${rows.map(([pool]) => pool)}::text[],
      ${rows.map(([, subUnits]) => subUnits)}::numeric[]
    ) as added (pool, sub_units)
    on conflict (pool, epoch) do update
    set sub_units = pool_epochs.sub_units + excluded.sub_units`);
}
