/** What each root added for each party, and what the chain has paid of it. */
import type { Address } from '../platform/chain.ts';
import type { Reader, Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { Leaf } from './leaf-tree.ts';
import type { PartyId } from './stage.ts';

export type Payout = {
  readonly party: PartyId;
  readonly account: Address;
  readonly amount: bigint;
};

type PayoutRow = { readonly party: PartyId; readonly account: Address; readonly amount: string };

/** The leaves of an epoch's root: per account, the sum over all epochs up to it that were not revoked. */
export async function leavesOf(
  reader: Reader,
  epoch: bigint,
  token: Address,
): Promise<readonly Leaf[]> {
  const rows = await reader.query<{ account: Address; cumulative: string }>(sql`
    select payouts.account, sum(payouts.amount) as cumulative
    from settlement.payouts
    join settlement.epochs on epochs.number = payouts.epoch
    where payouts.epoch <= ${epoch} and epochs.state <> 'revoked'
    group by payouts.account
    order by payouts.account`);
  return rows.map(({ account, cumulative }) => ({
    account,
    token,
    cumulative: BigInt(cumulative),
  }));
}

export async function insertPayouts(
  tx: Tx,
  epoch: bigint,
  payouts: readonly Payout[],
): Promise<void> {
  await tx.query(sql`
    insert into settlement.payouts (epoch, party, account, amount)
    select ${epoch}, party, account, amount
    from unnest(
      ${payouts.map(({ party }) => party)}::text[],
      ${payouts.map(({ account }) => account.toLowerCase())}::text[],
      ${payouts.map(({ amount }) => amount)}::numeric[]
    ) as payout (party, account, amount)`);
}

export async function payoutsOf(reader: Reader, epoch: bigint): Promise<readonly Payout[]> {
  const rows = await reader.query<PayoutRow>(sql`
    select party, account, amount
    from settlement.payouts
    where epoch = ${epoch}
    order by party`);
  return rows.map((row) => ({ ...row, amount: BigInt(row.amount) }));
}

/** Published and not yet claimed, over all parties: what must stand in their `exported` accounts. */
export async function unpaidTotal(reader: Reader): Promise<bigint> {
  const [row] = await reader.query<{ unpaid: string }>(sql`
    select coalesce(sum(payouts.amount - payouts.paid), 0) as unpaid
    from settlement.payouts
    join settlement.epochs on epochs.number = payouts.epoch
    where epochs.state in ('publishing', 'published')`);
  return BigInt(row.unpaid);
}

/**
 * Says whose earnings a claim of a wallet has paid, oldest first, and writes it down.
 *
 * Several parties may share a wallet, and a claim may be cut by the outflow cap: the chain knows wallets only.
 */
export async function allocateClaim(
  tx: Tx,
  account: Address,
  amount: bigint,
): Promise<readonly { party: PartyId; amount: bigint }[]> {
  const rows = await tx.query<{ epoch: string; party: PartyId; unpaid: string }>(sql`
    select payouts.epoch, payouts.party, payouts.amount - payouts.paid as unpaid
    from settlement.payouts
    join settlement.epochs on epochs.number = payouts.epoch
    where payouts.account = ${account.toLowerCase()}
      and payouts.paid < payouts.amount
      and epochs.state in ('publishing', 'published')
    order by payouts.epoch, payouts.party
    for update of payouts`);
  const parts: { party: PartyId; amount: bigint }[] = [];
  let left = amount;
  for (const { epoch, party, unpaid } of rows) {
    if (left === 0n) break;
    const part = left < BigInt(unpaid) ? left : BigInt(unpaid);
    await tx.query(sql`
      update settlement.payouts
      set paid = paid + ${part}
      where epoch = ${epoch} and party = ${party}`);
    parts.push({ party, amount: part });
    left -= part;
  }
  if (left > 0n)
    throw new Error(`The vault paid ${account} ${left} units that the ledger never owed.`);
  return parts;
}
