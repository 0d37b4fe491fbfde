/** Closes a bounty: its questions are shown, what was not earned goes back, what nobody has decided lapses. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import { type Caller, isAdmin } from '../../identity/index.ts';
import type { Tx } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';
import { type Bounty, findBounty, lockBounty } from './bounties.ts';
import { planPayment, postPayments } from './payments.ts';
import type { BountyHandles } from './stage.ts';

/**
 * Closes it for its funder, before its time where no submission waits for a review. Closing it again changes nothing.
 *
 * @throws not_found, forbidden, conflict while submissions wait
 */
export async function closeBounty(
  handles: BountyHandles,
  bountyId: string,
  caller: Pick<Caller, 'partyId' | 'scopes'>,
): Promise<Bounty> {
  const { db, clock } = handles;
  await db.transaction(async (tx) => {
    const bounty = await lockBounty(tx, bountyId);
    if (bounty.funderId !== caller.partyId && !isAdmin(caller)) {
      throw new OpenLedgerError('forbidden', 'This bounty is not yours.', { bountyId });
    }
    if (bounty.closedAt) return;
    const now = clock.now();
    const waiting = now < bounty.decideUntil ? await countWaiting(tx, bounty.id) : 0;
    if (waiting > 0) {
      throw new OpenLedgerError('conflict', `${waiting} submissions wait for their review.`, {
        waiting,
        decideUntil: bounty.decideUntil.toISOString(),
      });
    }
    await close(tx, bounty, now);
  });
  await postPayments(handles, bountyId);
  return findBounty(db, bountyId);
}

/** Closes each whose time is over: for submissions where none waits, for reviews where some do. */
export async function closeDue({ db, clock }: BountyHandles): Promise<void> {
  const now = clock.now();
  const due = await db.query<{ id: Id<'bounty'> }>(sql`
    select id
    from datanets.bounties
    where funded_at is not null and closed_at is null and submit_until <= ${now}
    order by id`);
  for (const { id } of due) {
    await db.transaction(async (tx) => {
      const bounty = await lockBounty(tx, id);
      if (bounty.closedAt) return;
      if (now >= bounty.decideUntil || (await countWaiting(tx, id)) === 0) {
        await close(tx, bounty, now);
      }
    });
  }
}

async function close(tx: Tx, { id, funderId, reward, paid }: Bounty, now: Date): Promise<void> {
  await tx.query(sql`update datanets.bounties set closed_at = ${now} where id = ${id}`);
  await tx.query(sql`
    update datanets.submissions
    set state = 'lapsed', decided_at = ${now}, work = '[]'
    where bounty_id = ${id} and state = 'pending'`);
  const units = reward - paid;
  await planPayment(tx, { bountyId: id, act: 'bounty.returned', partyId: funderId, units });
}

/** Honeypots wait for nothing. */
async function countWaiting(tx: Tx, bountyId: string): Promise<number> {
  const [{ waiting }] = await tx.query<{ waiting: string }>(sql`
    select count(*) as waiting
    from datanets.submissions
    where bounty_id = ${bountyId} and state = 'pending' and known_answer is null`);
  return Number(waiting);
}
