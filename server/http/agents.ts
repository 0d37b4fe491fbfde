/** Agents over HTTP. */
import { api, type OutputOf } from '@openledger/protocol';
import type { Agent, Agents } from '../agents/index.ts';
import { readMandate, wireKey } from './identity.ts';
import { implement, type Route } from './implement.ts';
import { pageFrom } from './page.ts';

export const agentsRoutes = ({ agents }: { readonly agents: Agents }): readonly Route[] =>
  implement(api.agents, {
    create: async ({ name, models, limitUnits, ...mandate }, { caller }) => {
      const { agent, secret } = await agents.create(caller, {
        ...{ name, models },
        ...readMandate(mandate),
        limitUnits: BigInt(limitUnits),
      });
      return { agent: wireAgent(agent), secret };
    },
    list: async (page, { caller }) =>
      pageFrom(await agents.list({ ...page, partyId: caller.partyId }), page, wireAgent),
  });

const wireAgent = ({
  key,
  createdAt,
  ...agent
}: Agent): OutputOf<typeof api.agents.create>['agent'] => ({
  ...agent,
  key: wireKey(key),
  createdAt: createdAt.toISOString(),
});
