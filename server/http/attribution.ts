/** Attribution over HTTP. */
import { api, formatShares, OpenLedgerError } from '@openledger/protocol';
import type { Attributions } from '../attribution/index.ts';
import type { Access } from '../datanets/index.ts';
import type { Gateway } from '../gateway/index.ts';
import { type Caller, isAdmin } from '../identity/index.ts';
import { implement, type Route } from './implement.ts';

export const attributionRoutes = ({
  attributions,
  access,
  gateway,
}: {
  readonly attributions: Attributions;
  /** Counting tells what is in a snapshot. */
  readonly access: Pick<Access, 'assertReadsSnapshot'>;
  readonly gateway: Pick<Gateway, 'find'>;
}): readonly Route[] =>
  implement(api.attribution, {
    get: async ({ inferenceId }, { caller }) => {
      await assertOwn(gateway, inferenceId, caller);
      const found = await attributions.find(inferenceId);
      return {
        id: found.attributionId,
        inferenceId: found.inferenceId,
        policyHash: found.policyHash,
        snapshots: [...found.snapshots],
        shares: formatShares(found.shares),
        evidence: found.evidence,
        attributedAt: found.attributedAt.toISOString(),
      };
    },
    count: async ({ snapshotId, text }, { caller }) => {
      await access.assertReadsSnapshot(snapshotId, caller);
      return attributions.count(snapshotId, text);
    },
    summary: () => attributions.summary(),
  });

/** Somebody else's call is answered as one that is not there. */
async function assertOwn(
  gateway: Pick<Gateway, 'find'>,
  inferenceId: string,
  caller: Caller,
): Promise<void> {
  const { payerId } = await gateway.find(inferenceId);
  if (payerId === caller.partyId || isAdmin(caller)) return;
  throw new OpenLedgerError('not_found', `No inference ${inferenceId}.`);
}
