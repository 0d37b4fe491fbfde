/** Settlement over HTTP. */
import { api, type Id, OpenLedgerError, type OutputOf } from '@openledger/protocol';
import { type Caller, isAdmin } from '../identity/index.ts';
import type { Epoch, Settlement } from '../settlement/index.ts';
import { implement, type Route } from './implement.ts';

export type SettlementRoutes = {
  readonly settlement: Settlement;
  /** Ends the open epoch in all stages, and publishes what is due. */
  readonly settle: () => Promise<OutputOf<typeof api.settlement.settle>>;
  readonly chain: { readonly id: number; readonly isLocal: boolean };
};

export const settlementRoutes = ({
  settlement,
  settle,
  chain,
}: SettlementRoutes): readonly Route[] =>
  implement(api.settlement, {
    vault: async (_, { caller }) => {
      const { address, token, reference } = settlement.depositTarget(caller.partyId);
      return { chainId: chain.id, isLocal: chain.isLocal, settlement: address, token, reference };
    },
    faucet: ({ units }, { caller }) => settlement.faucet(caller.partyId, BigInt(units)),
    epochs: async ({ limit }) => ({ items: (await settlement.epochs(limit)).map(wireEpoch) }),
    settle: () => settle(),
    claimable: async ({ partyId }, { caller }) => ({
      items: (await settlement.claimable(ownOrAny(partyId, caller))).map((claimable) => ({
        epoch: claimable.epoch.toString(),
        account: claimable.account,
        cumulativeUnits: claimable.cumulative.toString(),
        claimedUnits: claimable.claimed.toString(),
        owedUnits: claimable.owed.toString(),
        proof: [...claimable.proof],
      })),
    }),
    claim: async ({ partyId }, { caller }) => ({
      items: (await settlement.claim(ownOrAny(partyId, caller))).map(
        ({ account, amount, transactionHash }) => ({
          account,
          paidUnits: amount.toString(),
          transactionHash,
        }),
      ),
    }),
    solvency: async () => {
      const { isCovered, holdings, liabilities } = await settlement.solvency();
      return {
        solvent: isCovered,
        vaultUnits: holdings.toString(),
        liabilitiesUnits: liabilities.toString(),
      };
    },
  });

/** One's own party, or for admins any. */
function ownOrAny(partyId: Id<'party'> | undefined, caller: Caller): Id<'party'> {
  if (partyId === undefined || partyId === caller.partyId) return caller.partyId;
  if (isAdmin(caller)) return partyId;
  throw new OpenLedgerError('forbidden', 'Only an admin asks for another party.');
}

const wireEpoch = (epoch: Epoch): OutputOf<typeof api.settlement.epochs>['items'][number] => ({
  number: epoch.number.toString(),
  state: epoch.state,
  openedAt: epoch.openedAt.toISOString(),
  closedAt: 'closedAt' in epoch ? epoch.closedAt.toISOString() : undefined,
  root: 'root' in epoch ? epoch.root : undefined,
  checkpoint: 'checkpoint' in epoch ? epoch.checkpoint : undefined,
  transactionHash: 'transactionHash' in epoch ? epoch.transactionHash : undefined,
  activeAt: 'activeAt' in epoch ? epoch.activeAt.toISOString() : undefined,
});
