/** Takes a vote on a submission, and decides where it was the last one needed. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Tx } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';
import { acceptSubmission } from '../bounties/accept-submission.ts';
import { type Bounty, findBounty } from '../bounties/bounties.ts';
import type { BountyHandles } from '../bounties/stage.ts';
import { findSubmission, lockSubmission, type Submission } from '../bounties/submissions.ts';
import { findReputation, roleOf } from './reviewers.ts';
import { decisionOf, findRules } from './rules.ts';
import { insertVote, readVotes, upholdVotes, type Vote } from './votes.ts';

export type VoteOrder = Pick<Vote, 'partyId' | 'accept' | 'reason'> & {
  readonly submissionId: string;
};

/**
 * A honeypot takes every vote, and is decided by none.
 *
 * @throws not_found, forbidden (no role, one's own submission, too low a reputation), conflict (voted already; enough have voted; it
 *   is decided)
 */
export async function vote(handles: BountyHandles, order: VoteOrder): Promise<void> {
  const { db, clock, log } = handles;
  await db.transaction(async (tx) => {
    const submission = await lockSubmission(tx, order.submissionId);
    const bounty = await findBounty(tx, submission.bountyId);
    await assertMayVote(tx, order, { submission, bounty });
    const { knownAnswer } = submission;
    const upheld = knownAnswer === undefined ? undefined : order.accept === knownAnswer;
    const { datanetId } = bounty;
    await insertVote(tx, {
      ...{ ...order, submissionId: submission.id, datanetId, upheld, createdAt: clock.now() },
    });
  });
  // Who has voted has voted: what fails now is done by the clock.
  await decide(handles, order.submissionId).catch((error: unknown) =>
    log.error('reviews.decide_failed', { submissionId: order.submissionId, error }),
  );
}

async function assertMayVote(
  tx: Tx,
  { partyId }: VoteOrder,
  { submission, bounty }: { readonly submission: Submission; readonly bounty: Bounty },
): Promise<void> {
  const { datanetId } = bounty;
  await roleOf(tx, { datanetId, partyId });
  if (submission.partyId === partyId) {
    throw new OpenLedgerError('forbidden', 'Nobody reviews his own submission.');
  }
  const votes = await readVotes(tx, submission.id);
  if (votes.some((one) => one.partyId === partyId)) {
    throw new OpenLedgerError('conflict', 'You have voted on this submission already.');
  }
  const rules = await findRules(tx, datanetId);
  const isEnough = submission.knownAnswer === undefined && votes.length >= rules.quorum;
  if (submission.state !== 'pending' || bounty.closedAt || isEnough) {
    throw new OpenLedgerError('conflict', 'Nobody votes on this submission any more.');
  }
  const { ppm } = await findReputation(tx, { datanetId, partyId });
  if (ppm >= rules.minimumReputationPpm) return;
  throw new OpenLedgerError(
    'forbidden',
    `Your reputation is ${ppm} ppm; at least ${rules.minimumReputationPpm} are needed to vote.`,
    { reputationPpm: ppm },
  );
}

/** Does what the votes say, once there are enough. Repeatable. */
export async function decide(handles: BountyHandles, submissionId: string): Promise<void> {
  const { db, clock } = handles;
  const { bountyId, knownAnswer } = await findSubmission(db, submissionId);
  if (knownAnswer !== undefined) return;
  const { datanetId } = await findBounty(db, bountyId);
  const rules = await findRules(db, datanetId);
  const decision = decisionOf(await readVotes(db, submissionId), rules);
  if (decision === undefined) return;
  if (decision) return acceptSubmission(handles, submissionId);
  await db.transaction(async (tx) => {
    const rejected = await tx.query(sql`
      update datanets.submissions
      set state = 'rejected', decided_at = ${clock.now()}, work = '[]'
      where id = ${submissionId} and state = 'pending'
      returning id`);
    if (rejected.length > 0) await upholdVotes(tx, submissionId, { accepted: false });
  });
}

/** Decides what has its votes and was interrupted. */
export async function decideDue(handles: BountyHandles): Promise<void> {
  const due = await handles.db.query<{ id: Id<'submission'> }>(sql`
    select submissions.id
    from datanets.submissions
    join datanets.bounties on bounties.id = bounty_id
    left join datanets.review_rules using (datanet_id)
    where state = 'pending' and known_answer is null and closed_at is null
      and (select count(*) from datanets.votes where submission_id = submissions.id) >= coalesce(quorum, 1)
    order by submissions.id`);
  for (const { id } of due) {
    await decide(handles, id).catch((error: unknown) =>
      handles.log.error('reviews.decide_failed', { submissionId: id, error }),
    );
  }
}
