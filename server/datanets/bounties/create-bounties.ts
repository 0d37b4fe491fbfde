/** The door to bounties and their reviews. */
import type { Id, Refinement } from '@openledger/protocol';
import { OpenLedgerError } from '@openledger/protocol';
import { type Caller, type Identity, isAdmin } from '../../identity/index.ts';
import { assertOwnedBy, findDatanet } from '../datanets.ts';
import { listWaiting, readWaiting, type ShownPassage, type Waiting } from '../reviews/queue.ts';
import {
  findReputation,
  grantRole,
  listReviewers,
  type Reputation,
  type Reviewer,
  revokeRole,
  roleOf,
} from '../reviews/reviewers.ts';
import { findRules, type ReviewRules, setRules } from '../reviews/rules.ts';
import { decideDue, type VoteOrder, vote } from '../reviews/vote.ts';
import { readVotes, type Vote } from '../reviews/votes.ts';
import { type Bounty, findBounty, findHeldOut, type HeldOut, listBounties } from './bounties.ts';
import { closeBounty, closeDue } from './close-bounty.ts';
import { type BountyOrder, openBounty } from './open-bounty.ts';
import { findUnfunded, fundBounty, postPayments } from './payments.ts';
import { type Complete, type ModelRun, runModel } from './run-model.ts';
import type { BountyHandles } from './stage.ts';
import {
  findSubmission,
  listSubmissions,
  noSubmission,
  readWork,
  type Submission,
} from './submissions.ts';
import { submitByHand, submitPipeline, type WorkByHand } from './submit-work.ts';

type Page = { readonly limit: number; readonly after?: string };
type Asking = Pick<Caller, 'partyId' | 'scopes'>;
type OfReviewer = { readonly datanetId: string; readonly partyId: Id<'party'> };

export type Bounties = {
  /** Takes the reward from its funder. @throws not_found, unprocessable, insufficient_funds */
  open(order: BountyOrder): Promise<Bounty & Pick<HeldOut, 'salt'>>;
  find(bountyId: string): Promise<Bounty>;
  list(query: Page & { readonly datanetId?: string }): Promise<readonly Bounty[]>;
  /** The questions and their salt, once the bounty is closed. @throws forbidden before that */
  heldOut(bountyId: string): Promise<HeldOut>;
  /** @throws forbidden, conflict while submissions wait for their review */
  close(bountyId: string, caller: Asking): Promise<Bounty>;

  submit(order: {
    readonly bountyId: string;
    readonly partyId: Id<'party'>;
    readonly work: readonly WorkByHand[];
  }): Promise<Submission>;
  run(order: {
    readonly bountyId: string;
    readonly partyId: Id<'party'>;
    readonly pipeline: readonly Refinement[];
  }): Promise<Submission>;
  /** Each passage is a call that the caller pays for. */
  runModel(order: ModelRun): Promise<Submission>;
  /** One's own, and what is decided. @throws not_found */
  submission(submissionId: string, caller: Asking): Promise<Submission>;
  submissions(
    query: Page & { readonly bountyId: string; readonly viewerId: string },
  ): Promise<readonly Submission[]>;
  /** Of one that was accepted: what was taken, in its order, with the hashes of the records that it became. */
  takenWork(submissionId: string, caller: Asking): Promise<Awaited<ReturnType<typeof readWork>>>;

  reviews: Reviews;
  /** Finishes what was interrupted, and closes what is over. */
  settle(): Promise<void>;
};

export type Reviews = {
  rules(datanetId: string): Promise<ReviewRules>;
  /** @throws forbidden but for the datanet's owner */
  setRules(datanetId: string, rules: ReviewRules, caller: Asking): Promise<ReviewRules>;
  grant(
    order: OfReviewer & Pick<Reviewer, 'role' | 'stakeUnits'>,
    caller: Asking,
  ): Promise<Reviewer>;
  revoke(which: OfReviewer, caller: Asking): Promise<void>;
  reviewers(query: Page & { readonly datanetId: string }): Promise<readonly Reviewer[]>;
  reputation(which: OfReviewer): Promise<Reputation>;
  queue(query: Page & OfReviewer): Promise<readonly Waiting[]>;
  read(
    query: Page & { readonly submissionId: string; readonly partyId: string },
  ): Promise<readonly ShownPassage[]>;
  vote(order: VoteOrder): Promise<void>;
  /** Of a submission that is decided. */
  votes(submissionId: string, caller: Asking): Promise<readonly Vote[]>;
  /** A submission whose answer is known, among those that wait. @throws forbidden but for curators */
  plant(order: {
    readonly bountyId: string;
    readonly partyId: Id<'party'>;
    readonly work: readonly WorkByHand[];
    readonly accept: boolean;
  }): Promise<Submission>;
};

/** An opener that has not heard from the ledger for so long is gone. */
const OPENING_MS = 60_000;

export function createBounties(
  handles: BountyHandles & {
    readonly identity: Pick<Identity, 'findParty'>;
    /** Models stand above: whoever builds this knows them. */
    readonly complete: Complete;
  },
): Bounties {
  const { db, clock } = handles;
  const seen = async (submissionId: string, { partyId, scopes }: Asking) => {
    const found = await findSubmission(db, submissionId);
    const isPublic = found.state !== 'pending' && found.knownAnswer === undefined;
    if (isPublic || found.partyId === partyId || isAdmin({ scopes })) return found;
    throw noSubmission(submissionId);
  };
  return {
    open: (order) => openBounty(handles, order),
    find: (bountyId) => findBounty(db, bountyId),
    list: (query) => listBounties(db, query),
    async heldOut(bountyId) {
      const { closedAt } = await findBounty(db, bountyId);
      if (closedAt) return findHeldOut(db, bountyId);
      throw new OpenLedgerError('forbidden', 'The questions are shown when the bounty is closed.');
    },
    close: (bountyId, caller) => closeBounty(handles, bountyId, caller),
    submit: (order) => submitByHand(handles, order),
    run: (order) => submitPipeline(handles, order),
    runModel: (order) => runModel(handles, order),
    submission: seen,
    async submissions(query) {
      await findBounty(db, query.bountyId);
      return listSubmissions(db, query);
    },
    async takenWork(submissionId, caller) {
      const { id, state } = await seen(submissionId, caller);
      return state === 'accepted' ? readWork(db, id) : [];
    },
    reviews: createReviews(handles, seen),
    async settle() {
      const before = new Date(clock.now().getTime() - OPENING_MS);
      for (const bountyId of await findUnfunded(db, before)) {
        await fundBounty(handles, bountyId).catch((error: unknown) => {
          handles.log.error('bounties.not_funded', { bountyId, error });
        });
      }
      await decideDue(handles);
      await closeDue(handles);
      await postPayments(handles);
    },
  };
}

function createReviews(
  handles: BountyHandles & { readonly identity: Pick<Identity, 'findParty'> },
  seen: Bounties['submission'],
): Reviews {
  const { db, clock, identity } = handles;
  return {
    async rules(datanetId) {
      await findDatanet(db, datanetId);
      return findRules(db, datanetId);
    },
    async setRules(datanetId, rules, caller) {
      assertOwnedBy(await findDatanet(db, datanetId), caller);
      await db.transaction((tx) => setRules(tx, datanetId, rules));
      return findRules(db, datanetId);
    },
    async grant({ datanetId, ...reviewer }, caller) {
      assertOwnedBy(await findDatanet(db, datanetId), caller);
      await identity.findParty(reviewer.partyId);
      await db.transaction((tx) => grantRole(tx, { ...reviewer, datanetId, at: clock.now() }));
      const reputation = await findReputation(db, { datanetId, ...reviewer });
      return { ...reviewer, id: reviewer.partyId, reputation };
    },
    async revoke(which, caller) {
      assertOwnedBy(await findDatanet(db, which.datanetId), caller);
      await db.transaction((tx) => revokeRole(tx, which));
    },
    async reviewers(query) {
      await findDatanet(db, query.datanetId);
      return listReviewers(db, query);
    },
    async reputation(which) {
      await findDatanet(db, which.datanetId);
      return findReputation(db, which);
    },
    queue: (query) => listWaiting(db, query),
    read: (query) => readWaiting(db, query),
    vote: (order) => vote(handles, order),
    async votes(submissionId, caller) {
      const { id, state } = await seen(submissionId, caller);
      return state === 'pending' ? [] : readVotes(db, id);
    },
    async plant({ accept: knownAnswer, ...order }) {
      const { datanetId } = await findBounty(db, order.bountyId);
      const role = await roleOf(db, { datanetId, partyId: order.partyId });
      if (role === 'curator') return submitByHand(handles, { ...order, knownAnswer });
      throw new OpenLedgerError('forbidden', 'Honeypots are planted by curators.', { datanetId });
    },
  };
}
