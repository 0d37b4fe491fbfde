/** Reviews of submissions over HTTP. */
import { api, type OutputOf } from '@openledger/protocol';
import type { Bounties, Reviewer } from '../datanets/index.ts';
import { wireSubmission } from './bounties.ts';
import { implement, type Route } from './implement.ts';
import { pageFrom } from './page.ts';

export const reviewsRoutes = ({
  bounties: { reviews },
}: {
  readonly bounties: Pick<Bounties, 'reviews'>;
}): readonly Route[] =>
  implement(api.reviews, {
    rules: ({ datanetId }) => reviews.rules(datanetId),
    setRules: ({ datanetId, ...rules }, { caller }) => reviews.setRules(datanetId, rules, caller),
    grant: async ({ stakeUnits, ...order }, { caller }) =>
      wireReviewer(await reviews.grant({ ...order, stakeUnits: BigInt(stakeUnits) }, caller)),
    revoke: async (which, { caller }) => {
      await reviews.revoke(which, caller);
      return { partyId: which.partyId };
    },
    listReviewers: async (query) => pageFrom(await reviews.reviewers(query), query, wireReviewer),
    reputation: (which) => reviews.reputation(which),

    queue: async (query, { caller }) =>
      pageFrom(
        await reviews.queue({ ...query, partyId: caller.partyId }),
        query,
        ({ id: submissionId, pipeline, createdAt, ...one }) => ({
          ...{ ...one, submissionId },
          pipeline: pipeline && [...pipeline],
          createdAt: createdAt.toISOString(),
        }),
      ),
    read: async (query, { caller }) =>
      pageFrom(
        await reviews.read({ ...query, partyId: caller.partyId }),
        query,
        ({ texts, ...one }) => ({ ...one, texts: [...texts] }),
      ),
    vote: async (order, { caller }) => {
      await reviews.vote({ ...order, partyId: caller.partyId });
      return { submissionId: order.submissionId };
    },
    listVotes: async ({ submissionId }, { caller }) => ({
      items: (await reviews.votes(submissionId, caller)).map(({ createdAt, ...one }) => ({
        ...one,
        createdAt: createdAt.toISOString(),
      })),
    }),
    plant: async (order, { caller }) =>
      wireSubmission(await reviews.plant({ ...order, partyId: caller.partyId })),
  });

const wireReviewer = ({
  stakeUnits,
  ...reviewer
}: Reviewer): OutputOf<typeof api.reviews.grant> => ({
  ...reviewer,
  stakeUnits: stakeUnits.toString(),
});
