/** Bounties over HTTP. */
import { api, OpenLedgerError, type OutputOf } from '@openledger/protocol';
import type { Bounties, Bounty, Submission } from '../datanets/index.ts';
import type { Caller } from '../identity/index.ts';
import { implement, type Route } from './implement.ts';
import { pageFrom } from './page.ts';

export const bountiesRoutes = ({ bounties }: { readonly bounties: Bounties }): readonly Route[] =>
  implement(api.bounties, {
    open: async ({ rewardUnits, ...order }, { caller }) => {
      const reward = BigInt(rewardUnits);
      assertMayFund(caller, reward);
      const { salt, ...bounty } = await bounties.open({
        ...order,
        reward,
        funderId: caller.partyId,
      });
      return { ...wireBounty(bounty), salt };
    },
    list: async (query) => pageFrom(await bounties.list(query), query, wireBounty),
    get: async ({ bountyId }) => wireBounty(await bounties.find(bountyId)),
    heldOut: async ({ bountyId }) => {
      const { salt, questions } = await bounties.heldOut(bountyId);
      return {
        salt,
        questions: questions.map((one) => ({ ...one, documents: [...one.documents] })),
      };
    },
    close: async ({ bountyId }, { caller }) => wireBounty(await bounties.close(bountyId, caller)),

    run: async (order, { caller }) =>
      wireSubmission(await bounties.run({ ...order, partyId: caller.partyId })),
    runModel: async (order, { caller, signal }) =>
      wireSubmission(await bounties.runModel({ ...order, caller, signal })),
    submit: async (order, { caller }) =>
      wireSubmission(await bounties.submit({ ...order, partyId: caller.partyId })),
    listSubmissions: async (query, { caller }) =>
      pageFrom(
        await bounties.submissions({ ...query, viewerId: caller.partyId }),
        query,
        wireSubmission,
      ),
    getSubmission: async ({ submissionId }, { caller }) =>
      wireSubmission(await bounties.submission(submissionId, caller)),
    getWork: async ({ submissionId }, { caller }) => ({
      items: (await bounties.takenWork(submissionId, caller)).map(({ children, ...one }) => ({
        ...one,
        children: children.map(({ hash }) => hash),
      })),
    }),
  });

/** A key's limit is kept by the gateway, call by call; a reward would go past it. */
function assertMayFund({ limitUnits, limits }: Caller, reward: bigint): void {
  const isLimited = limitUnits !== undefined || limits?.dailyUnits !== undefined;
  if (!isLimited || reward === 0n) return;
  throw new OpenLedgerError('forbidden', 'A key with a spending limit funds no bounty.');
}

const wireBounty = ({
  reward,
  paid,
  submitUntil,
  decideUntil,
  closedAt,
  createdAt,
  ...bounty
}: Bounty): OutputOf<typeof api.bounties.get> => ({
  ...bounty,
  rewardUnits: reward.toString(),
  paidUnits: paid.toString(),
  submitUntil: submitUntil.toISOString(),
  decideUntil: decideUntil.toISOString(),
  closedAt: closedAt?.toISOString(),
  createdAt: createdAt.toISOString(),
});

export const wireSubmission = ({
  pipeline,
  units,
  createdAt,
  decidedAt,
  ...submission
}: Submission): OutputOf<typeof api.bounties.getSubmission> => ({
  ...submission,
  pipeline: pipeline && [...pipeline],
  units: units.toString(),
  createdAt: createdAt.toISOString(),
  decidedAt: decidedAt?.toISOString(),
});
