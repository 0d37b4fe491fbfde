/**
 * A bounty's money: planned in the transaction that decides it, posted afterwards under a key of its own, as often as it takes.
 *
 * The reward lies in `<bounty>:reward`. It comes in whole before the bounty can be seen, goes out to refiners, and the rest goes
 * back when the bounty is closed, so the account ends at zero. The ledger refuses to take out more than is in it.
 */
import type { Id } from '@openledger/protocol';
import { OpenLedgerError } from '@openledger/protocol';
import { type Ledger, transactionIdFor } from '../../ledger/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db, Tx } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';

export type Payment = {
  readonly bountyId: Id<'bounty'>;
  readonly partyId: Id<'party'>;
  /** 0 is nothing to do. */
  readonly units: bigint;
} & (
  | { readonly act: 'bounty.funded' | 'bounty.returned' }
  | { readonly act: 'bounty.paid'; readonly submissionId: Id<'submission'> }
);

type Handles = { readonly db: Db; readonly ledger: Pick<Ledger, 'post'>; readonly clock: Clock };

export const rewardAccount = (bountyId: Id<'bounty'>): string => `${bountyId}:reward`;

export async function planPayment(tx: Tx, payment: Payment): Promise<void> {
  if (payment.units === 0n) return;
  const act = 'submissionId' in payment ? `${payment.act}:${payment.submissionId}` : payment.act;
  await tx.query(sql`
    insert into datanets.bounty_payments (bounty_id, act, party_id, units)
    values (${payment.bountyId}, ${act}, ${payment.partyId}, ${payment.units})`);
}

/** Posts what is planned and not yet posted: of one bounty, or of all. */
export async function postPayments(handles: Handles, bountyId?: string): Promise<void> {
  const due = await handles.db.query<{ bounty_id: Id<'bounty'>; act: string }>(sql`
    select bounty_id, act
    from datanets.bounty_payments
    where posted_at is null
      and act <> 'bounty.funded'
      and (${bountyId ?? null}::text is null or bounty_id = ${bountyId ?? null})
    order by bounty_id, act`);
  for (const { bounty_id, act } of due) await postOne(handles, bounty_id, act);
}

/**
 * Takes the reward from its funder; only then is the bounty there. Where the ledger refuses, nothing is left of it.
 *
 * Its row is held meanwhile: of two that fund it, or one that was interrupted and its successor, one acts and the other
 * sees what came of it.
 *
 * @throws insufficient_funds
 */
export async function fundBounty(handles: Handles, bountyId: Id<'bounty'>): Promise<void> {
  const refusal = await handles.db.transaction(async (tx) => {
    const [bounty] = await tx.query<{ id: string }>(sql`
      select id
      from datanets.bounties
      where id = ${bountyId} and funded_at is null
      for update`);
    if (!bounty) return undefined;
    try {
      await postLocked(tx, handles, bountyId, 'bounty.funded');
    } catch (error) {
      if (!(error instanceof OpenLedgerError) || error.code === 'unavailable') throw error;
      await tx.query(sql`delete from datanets.bounty_payments where bounty_id = ${bountyId}`);
      await tx.query(sql`delete from datanets.bounties where id = ${bountyId}`);
      return error;
    }
    await tx.query(sql`
      update datanets.bounties
      set funded_at = ${handles.clock.now()}
      where id = ${bountyId}`);
    return undefined;
  });
  if (refusal) throw refusal;
}

/** Those whose opener was interrupted before the ledger had answered him. */
export async function findUnfunded(db: Db, before: Date): Promise<readonly Id<'bounty'>[]> {
  const rows = await db.query<{ id: Id<'bounty'> }>(sql`
    select id
    from datanets.bounties
    where funded_at is null and created_at < ${before}
    order by id`);
  return rows.map(({ id }) => id);
}

const postOne = (handles: Handles, bountyId: Id<'bounty'>, act: string): Promise<void> =>
  handles.db.transaction((tx) => postLocked(tx, handles, bountyId, act));

async function postLocked(
  tx: Tx,
  { ledger, clock }: Handles,
  bountyId: Id<'bounty'>,
  act: string,
): Promise<void> {
  const [payment] = await tx.query<{ party_id: string; units: string }>(sql`
    select party_id, units
    from datanets.bounty_payments
    where bounty_id = ${bountyId} and act = ${act} and posted_at is null
    for update`);
  if (!payment) return;
  const party = `${payment.party_id}:available`;
  const reward = rewardAccount(bountyId);
  const [from, to] = act === 'bounty.funded' ? [party, reward] : [reward, party];
  await ledger.post({
    transactionId: transactionIdFor(bountyId, act),
    reason: act.split(':')[0],
    reference: bountyId,
    postings: [{ from, to, amount: BigInt(payment.units) }],
  });
  await tx.query(sql`
    update datanets.bounty_payments
    set posted_at = ${clock.now()}
    where bounty_id = ${bountyId} and act = ${act}`);
}
