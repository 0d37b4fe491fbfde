/** Governance over HTTP. */
import { api } from '@openledger/protocol';
import type { Governance } from '../governance/index.ts';
import { implement, type Route } from './implement.ts';

export const governanceRoutes = ({
  governance,
}: {
  readonly governance: Governance;
}): readonly Route[] =>
  implement(api.governance, {
    policy: async ({ hash }) => {
      const enacted =
        hash === undefined ? await governance.policyInForce() : await governance.findPolicy(hash);
      return { ...enacted, inForceSince: enacted.inForceSince.toISOString() };
    },
  });
