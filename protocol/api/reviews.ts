/** Operations of reviews: who decides on submissions to a datanet's bounties, and how right they were. */
import { z } from 'zod';
import { Sha256Hex } from '../hash.ts';
import { idSchema } from '../ids.ts';
import { Units } from '../money.ts';
import type { Operations } from '../operations.ts';
import { Submission, WorkByHand, WorkKind } from './bounties.ts';
import { pageOf, paging } from './paging.ts';

const datanetId = idSchema('datanet');
const partyId = idSchema('party');
const submissionId = idSchema('submission');
const bountyId = idSchema('bounty');
const Time = z.iso.datetime();
const Count = z.number().int().min(0);
const Ppm = z.number().int().min(0).max(1_000_000);

export const ReviewRules = z.object({
  /** Votes that decide. */
  quorum: z.number().int().min(1).max(101),
  /** The part of them that must accept. */
  thresholdPpm: Ppm.min(1),
  /** Below it a reviewer has no vote. */
  minimumReputationPpm: Ppm,
});

export const Reputation = z.object({
  /** Votes that were decided upon, honeypots among them. */
  decisions: Count,
  /** Those of them that were decided so. */
  upheld: Count,
  /** (upheld + 1) / (decisions + 2). */
  ppm: Ppm,
});

/** Both vote; curators plant honeypots as well. */
export const ReviewerRole = z.enum(['curator', 'validator']);

export const Reviewer = z.object({
  partyId,
  role: ReviewerRole,
  /** Nothing binds it yet. */
  stakeUnits: Units,
  reputation: Reputation,
});

export const reviewsOperations = {
  rules: {
    summary: 'Show how a datanet decides on submissions',
    method: 'GET',
    path: '/api/reviews/:datanetId/rules',
    scope: 'read',
    input: z.object({ datanetId }),
    output: ReviewRules,
  },
  setRules: {
    summary: 'Say how a datanet of your own decides on submissions',
    method: 'POST',
    path: '/api/reviews/:datanetId/rules',
    scope: 'contribute',
    input: z.object({ datanetId, ...ReviewRules.shape }),
    output: ReviewRules,
  },
  grant: {
    summary: 'Make a party a curator or validator of a datanet of your own',
    method: 'POST',
    path: '/api/reviews/:datanetId/reviewers',
    scope: 'contribute',
    input: z.object({ datanetId, partyId, role: ReviewerRole, stakeUnits: Units.default('0') }),
    output: Reviewer,
    status: 201,
  },
  revoke: {
    summary: "End a party's role in a datanet of your own; its votes stand",
    method: 'DELETE',
    path: '/api/reviews/:datanetId/reviewers/:partyId',
    scope: 'contribute',
    input: z.object({ datanetId, partyId }),
    output: z.object({ partyId }),
  },
  listReviewers: {
    summary: "List a datanet's reviewers, with their reputation",
    method: 'GET',
    path: '/api/reviews/:datanetId/reviewers',
    scope: 'read',
    input: z.object({ datanetId, ...paging }),
    output: pageOf(Reviewer),
  },
  reputation: {
    summary: "Show a party's reputation in a datanet",
    method: 'GET',
    path: '/api/reviews/:datanetId/reputations/:partyId',
    scope: 'read',
    input: z.object({ datanetId, partyId }),
    output: Reputation,
  },
  queue: {
    summary: 'List the submissions that wait for your vote, oldest first',
    method: 'GET',
    path: '/api/reviews/:datanetId/queue',
    scope: 'read',
    input: z.object({ datanetId, ...paging }),
    output: pageOf(
      z.object({
        submissionId,
        bountyId,
        kind: WorkKind,
        instructions: z.string(),
        /** Names of refiners. Absent: made by hand. */
        pipeline: z.array(z.string()).optional(),
        passages: Count,
        createdAt: Time,
      }),
    ),
  },
  read: {
    summary: 'Read the refined passages of a submission that waits',
    method: 'GET',
    path: '/api/reviews/submissions/:submissionId',
    scope: 'read',
    input: z.object({
      submissionId,
      ...paging,
      after: z
        .string()
        .regex(/^[1-9][0-9]{0,8}$/)
        .optional(),
    }),
    output: pageOf(
      z.object({
        parent: Sha256Hex,
        refinement: z.string(),
        adds: z.boolean(),
        texts: z.array(z.string()),
      }),
    ),
  },
  vote: {
    summary: 'Accept or reject a submission, with a reason; the last vote needed decides',
    method: 'POST',
    path: '/api/reviews/submissions/:submissionId/votes',
    scope: 'contribute',
    input: z.object({ submissionId, accept: z.boolean(), reason: z.string().min(1).max(2000) }),
    output: z.object({ submissionId }),
    status: 201,
  },
  listVotes: {
    summary: 'List the votes on a submission that is decided',
    method: 'GET',
    path: '/api/reviews/submissions/:submissionId/votes',
    scope: 'read',
    input: z.object({ submissionId }),
    output: z.object({
      items: z.array(
        z.object({
          partyId,
          accept: z.boolean(),
          reason: z.string(),
          upheld: z.boolean().optional(),
          createdAt: Time,
        }),
      ),
    }),
  },
  plant: {
    summary: 'Plant a honeypot: a submission with a known answer, among those that wait',
    method: 'POST',
    path: '/api/reviews/bounties/:bountyId/honeypots',
    scope: 'contribute',
    input: z.object({
      bountyId,
      work: z.array(WorkByHand).min(1).max(5000),
      /** What a reviewer should say. */
      accept: z.boolean(),
    }),
    output: Submission,
    status: 201,
  },
} as const satisfies Operations;
