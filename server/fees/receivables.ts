/**
 * Receivables: what a party was paid, had to give back when it had matured, and somebody advanced.
 *
 * In the ledger a receivable is an asset of its own (`OPEN:receivable`, from `external:receivable` to
 * `<party>:receivable`), because money nobody has cannot stand in an account as money. Here is who advanced what.
 */
import type { Reader, Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { Move } from './batches.ts';
import { RECEIVABLE } from './stage.ts';

/** An account with money to take. */
export type Fund = { readonly account: string; readonly amount: bigint };

export type Receivable = {
  readonly id: string;
  readonly party: string;
  /** The account that advanced it. */
  readonly creditor: string;
  readonly outstanding: bigint;
};

export type Repayment = { readonly receivable: string; readonly amount: bigint };

export type Advance = {
  readonly party: string;
  readonly creditor: string;
  readonly amount: bigint;
};

/**
 * Pays receivables of one party, oldest first, from funds in the order they are given. Pure.
 *
 * @returns moves to the creditors, and beside each the claim's way back
 */
export function planRepayments(
  debts: readonly Receivable[],
  funds: readonly Fund[],
): { readonly moves: readonly Move[]; readonly repayments: readonly Repayment[] } {
  const moves: Move[] = [];
  const repayments: Repayment[] = [];
  const left = funds.map(({ amount }) => amount);
  for (const { id, party, creditor, outstanding } of debts) {
    let owed = outstanding;
    for (const [i, { account }] of funds.entries()) {
      const amount = owed < left[i] ? owed : left[i];
      if (amount === 0n) continue;
      owed -= amount;
      left[i] -= amount;
      moves.push({ from: account, to: creditor, amount });
    }
    const amount = outstanding - owed;
    if (amount === 0n) break;
    repayments.push({ receivable: id, amount });
    moves.push({
      from: `${party}:receivable`,
      to: 'external:receivable',
      amount,
      asset: RECEIVABLE,
    });
  }
  return { moves, repayments };
}

export const claimMoves = (advances: readonly Advance[]): readonly Move[] =>
  advances.map(({ party, amount }) => ({
    from: 'external:receivable',
    to: `${party}:receivable`,
    amount,
    asset: RECEIVABLE,
  }));

/** What is outstanding of these parties, oldest first. */
export async function receivablesOf(
  on: Reader,
  parties: readonly string[],
): Promise<ReadonlyMap<string, readonly Receivable[]>> {
  return byParty(
    await on.query<ReceivableRow>(sql`
      select id, party, creditor, outstanding
      from fees.receivables
      where outstanding > 0 and party = any(${parties}::text[])
      order by id`),
  );
}

/** What is outstanding of anybody, oldest first. */
export async function allReceivables(
  on: Reader,
): Promise<ReadonlyMap<string, readonly Receivable[]>> {
  return byParty(
    await on.query<ReceivableRow>(sql`
      select id, party, creditor, outstanding
      from fees.receivables
      where outstanding > 0
      order by id`),
  );
}

type ReceivableRow = { id: string; party: string; creditor: string; outstanding: string };

function byParty(rows: readonly ReceivableRow[]): ReadonlyMap<string, readonly Receivable[]> {
  const parties = new Map<string, Receivable[]>();
  for (const row of rows) {
    const receivable = { ...row, outstanding: BigInt(row.outstanding) };
    const those = parties.get(row.party);
    if (those) those.push(receivable);
    else parties.set(row.party, [receivable]);
  }
  return parties;
}

export async function insertReceivables(
  tx: Tx,
  advances: readonly Advance[],
  cause: { readonly saleId: string; readonly name: string; readonly recordedAt: Date },
): Promise<void> {
  if (advances.length === 0) return;
  await tx.query(sql`
    insert into fees.receivables
      (party, creditor, sale_id, correction, units, outstanding, recorded_at)
    select party, creditor, ${cause.saleId}, ${cause.name}, amount, amount, ${cause.recordedAt}
    from unnest(
      ${advances.map(({ party }) => party)}::text[],
      ${advances.map(({ creditor }) => creditor)}::text[],
      ${advances.map(({ amount }) => amount)}::numeric[]
    ) with ordinality as advance (party, creditor, amount, at)
    order by at`);
}

export async function writeRepayments(tx: Tx, repayments: readonly Repayment[]): Promise<void> {
  if (repayments.length === 0) return;
  await tx.query(sql`
    update fees.receivables
    set outstanding = outstanding - repaid.amount
    from unnest(
      ${repayments.map(({ receivable }) => receivable)}::bigint[],
      ${repayments.map(({ amount }) => amount)}::numeric[]
    ) as repaid (id, amount)
    where receivables.id = repaid.id`);
}
