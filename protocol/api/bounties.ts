/** Operations of bounties: money for refining a snapshot, paid by what held-out questions gain. */
import { z } from 'zod';
import { Sha256Hex } from '../hash.ts';
import { idSchema } from '../ids.ts';
import { Units } from '../money.ts';
import type { Operations } from '../operations.ts';
import { Refinement } from './datanets.ts';
import { pageOf, paging } from './paging.ts';

const bountyId = idSchema('bounty');
const submissionId = idSchema('submission');
const datanetId = idSchema('datanet');
const Time = z.iso.datetime();
const Count = z.number().int().min(0);
const Ppm = z.number().int().min(0).max(1_000_000);
const SignedPpm = z.number().int().min(-1_000_000).max(1_000_000);

/** Kinds of refinement, as the policy pays them. */
export const WorkKind = z.enum(['clean', 'chunk', 'annotate', 'translate', 'qa']);

/** A question and the contributions that answer it, by their hashes. */
export const HeldOutQuestion = z.strictObject({
  question: z.string().min(1).max(1000),
  documents: z.array(Sha256Hex).min(1).max(100),
});

export const Bounty = z.object({
  id: bountyId,
  datanetId,
  /** What is refined. */
  snapshotId: idSchema('snapshot'),
  funderId: idSchema('party'),
  kind: WorkKind,
  instructions: z.string(),
  rewardUnits: Units,
  /** The delta for which the whole reward is paid. */
  targetPpm: Ppm,
  /** SHA-256 of the held-out questions' canonical document. */
  commitment: Sha256Hex,
  submitUntil: Time,
  decideUntil: Time,
  /** The snapshot's own score: nDCG@10 of the held-out questions. */
  basePpm: Ppm,
  /** The sum of the accepted deltas. */
  levelPpm: z.number().int(),
  /** The highest that it was: all that was paid follows from it. */
  bestPpm: Count,
  accepted: Count,
  paidUnits: Units,
  closedAt: Time.optional(),
  createdAt: Time,
});

export const Submission = z.object({
  id: submissionId,
  bountyId,
  partyId: idSchema('party'),
  /** Names of refiners. Absent: made by hand. */
  pipeline: z.array(z.string()).optional(),
  state: z.enum(['pending', 'accepted', 'rejected', 'lapsed']),
  /** Refined passages: offered, or, once accepted, taken. */
  passages: Count,
  /** Of an accepted one. */
  outcome: z
    .object({
      /** How it was measured. */
      measure: z.literal('delta-1'),
      taken: Count,
      /** Refined otherwise, or withdrawn, before it was accepted. */
      gone: Count,
      /** Their texts were in the datanet. */
      known: Count,
      /** Taken and not measured: they hold words of a held-out question that their source has not. */
      stuffed: Count,
      beforePpm: Ppm,
      afterPpm: Ppm,
      deltaPpm: SignedPpm,
    })
    .optional(),
  /** What it was paid. */
  units: Units,
  createdAt: Time,
  decidedAt: Time.optional(),
});

/** One passage, refined by hand. */
export const WorkByHand = z.strictObject({
  /** The passage's hash. */
  parent: Sha256Hex,
  /** True: the texts stand beside the passage. False: they stand for it. */
  adds: z.boolean().default(false),
  texts: z.array(z.string().min(1)).min(1).max(100),
});

/** Refiners that ask a model; what they write stands beside the passage. */
export const ModelRefinement = z.enum(['questions-1', 'summarise-1', 'translate-en-1']);
export type ModelRefinement = z.output<typeof ModelRefinement>;

const seconds = (most: number) => z.number().int().min(1).max(most);
const YEAR = 31_536_000;

export const bountiesOperations = {
  open: {
    summary: "Open a bounty on a datanet's newest snapshot; the reward is taken from the caller",
    method: 'POST',
    path: '/api/bounties',
    scope: 'manage',
    input: z.object({
      datanetId,
      kind: WorkKind,
      instructions: z.string().max(5000).default(''),
      rewardUnits: Units,
      targetPpm: Ppm.min(1),
      /** From now: for submissions. */
      submitSeconds: seconds(YEAR),
      /** From then: for their reviews. */
      decideSeconds: seconds(YEAR).default(604_800),
      /** Kept secret until the bounty is closed. */
      questions: z.array(HeldOutQuestion).min(1).max(2000),
    }),
    /** With the salt, so that its funder can check the commitment. */
    output: Bounty.extend({ salt: z.string() }),
    status: 201,
  },
  list: {
    summary: 'List bounties, oldest first, of one datanet or of all',
    method: 'GET',
    path: '/api/bounties',
    scope: 'read',
    input: z.object({ datanetId: datanetId.optional(), ...paging }),
    output: pageOf(Bounty),
  },
  get: {
    summary: 'Show a bounty',
    method: 'GET',
    path: '/api/bounties/:bountyId',
    scope: 'read',
    input: z.object({ bountyId }),
    output: Bounty,
  },
  heldOut: {
    summary: "Show a closed bounty's questions and their salt, which make its commitment",
    method: 'GET',
    path: '/api/bounties/:bountyId/questions',
    scope: 'read',
    input: z.object({ bountyId }),
    output: z.object({ salt: z.string(), questions: z.array(HeldOutQuestion) }),
  },
  close: {
    summary: 'Close a bounty of your own; what was not earned comes back',
    method: 'POST',
    path: '/api/bounties/:bountyId/close',
    scope: 'manage',
    input: z.object({ bountyId }),
    output: Bounty,
  },
  run: {
    summary: "Submit what a pipeline of refiners makes of the bounty's passages",
    method: 'POST',
    path: '/api/bounties/:bountyId/runs',
    scope: 'contribute',
    input: z.object({ bountyId, pipeline: z.array(Refinement).min(1).max(8) }),
    output: Submission,
    status: 201,
  },
  runModel: {
    summary: 'Submit what a model writes about passages, each a call that the caller pays for',
    method: 'POST',
    path: '/api/bounties/:bountyId/model-runs',
    scope: 'infer',
    input: z.object({
      bountyId,
      refinement: ModelRefinement,
      model: z.string().min(1).max(200),
      /** Passages at most. */
      limit: z.number().int().min(1).max(500).default(50),
    }),
    output: Submission,
    status: 201,
  },
  submit: {
    summary: 'Submit passages refined by hand',
    method: 'POST',
    path: '/api/bounties/:bountyId/submissions',
    scope: 'contribute',
    input: z.object({ bountyId, work: z.array(WorkByHand).min(1).max(5000) }),
    output: Submission,
    status: 201,
  },
  listSubmissions: {
    summary: "List a bounty's submissions: those that are decided, and your own",
    method: 'GET',
    path: '/api/bounties/:bountyId/submissions',
    scope: 'read',
    input: z.object({ bountyId, ...paging }),
    output: pageOf(Submission),
  },
  getSubmission: {
    summary: 'Show a submission, with its measured delta and what it was paid',
    method: 'GET',
    path: '/api/bounties/submissions/:submissionId',
    scope: 'read',
    input: z.object({ submissionId }),
    output: Submission,
  },
  getWork: {
    summary: 'Show what was taken of an accepted submission, by hashes, in its order',
    method: 'GET',
    path: '/api/bounties/submissions/:submissionId/work',
    scope: 'read',
    input: z.object({ submissionId }),
    output: z.object({
      items: z.array(
        z.object({
          parent: Sha256Hex,
          refinement: z.string(),
          adds: z.boolean(),
          children: z.array(Sha256Hex),
        }),
      ),
    }),
  },
} as const satisfies Operations;
