/** Receipts and their log over HTTP. */
import { type Anchor, api, type Id, OpenLedgerError, type OutputOf } from '@openledger/protocol';
import type { Attributions } from '../attribution/index.ts';
import type { Access } from '../datanets/index.ts';
import { type Caller, isAdmin } from '../identity/index.ts';
import type { IssuedReceipt, Receipts } from '../receipts/index.ts';
import type { Settlement } from '../settlement/index.ts';
import { implement, type Route } from './implement.ts';
import { pageFrom } from './page.ts';

export type ReceiptsRoutes = {
  readonly receipts: Receipts;
  readonly attributions: Pick<Attributions, 'replay'>;
  readonly access: Pick<Access, 'readable'>;
  readonly settlement: Pick<Settlement, 'epochs'>;
};

export const receiptsRoutes = ({
  receipts,
  attributions,
  access,
  settlement,
}: ReceiptsRoutes): readonly Route[] =>
  implement(api.receipts, {
    get: async ({ receiptId }, { caller }) => {
      const issued = await receipts.find(receiptId);
      assertReader(issued, caller);
      const { hash, leafIndex, issuedAt, receipt, signature } = issued;
      return { hash, leafIndex, issuedAt: issuedAt.toISOString(), receipt, signature };
    },
    list: async (page, { caller }) =>
      pageFrom(await receipts.list({ ...page, payerId: caller.partyId }), page, wireLine),
    bundle: async ({ receiptId, epoch }, { caller }) => {
      const issued = await receipts.find(receiptId);
      assertReader(issued, caller);
      const anchor = epoch === undefined ? undefined : await findAnchor(settlement, epoch);
      const disclose = isPayer(issued, caller);
      const readable = (snapshotId: string, recordHashes: readonly string[]) =>
        access.readable(snapshotId, recordHashes, caller);
      return { bundle: await receipts.bundle(receiptId, { disclose, anchor, readable }) };
    },
    replay: async ({ receiptId }, { caller }) => {
      const issued = await receipts.find(receiptId);
      assertReader(issued, caller);
      const { scores, tolerance } = await attributions.replay(issued.inferenceId);
      const holds = scores.every(
        ({ committed, again }) => Math.abs(again - committed) <= tolerance,
      );
      return { holds, tolerance, scores: [...scores] };
    },
    erase: async ({ receiptId }, { caller }) => {
      const issued = await receipts.find(receiptId);
      if (!isPayer(issued, caller)) throw hidden(issued);
      await receipts.erase(issued.inferenceId);
      return { erased: true as const };
    },
    checkpoint: () => receipts.checkpoint(),
    consistency: async (sizes) => ({ proof: [...(await receipts.consistency(sizes))] }),
    trust: async () => {
      const { logKeys, signers } = receipts.trusted();
      return { logKeys: [...logKeys], signers: [...signers] };
    },
  });

const isPayer = ({ payerId }: IssuedReceipt, caller: Caller): boolean =>
  payerId === caller.partyId || isAdmin(caller);

/** Those who paid, served, built or earned by it. To anybody else it is not there. */
function assertReader(issued: IssuedReceipt, caller: Caller): void {
  if (!issued.readers.includes(caller.partyId) && !isAdmin(caller)) throw hidden(issued);
}

const hidden = ({ id }: IssuedReceipt): OpenLedgerError =>
  new OpenLedgerError('not_found', `No receipt ${id}.`, { receiptId: id });

/** The log's root that an epoch fixed on chain. @throws not_found unless the epoch is published */
async function findAnchor(settlement: Pick<Settlement, 'epochs'>, number: number): Promise<Anchor> {
  const epochs = await settlement.epochs();
  const epoch = epochs.find((one) => one.number === BigInt(number));
  if (epoch?.state !== 'published') {
    throw new OpenLedgerError('not_found', `Epoch ${number} has not been published.`);
  }
  const { treeSize, rootHash } = epoch.checkpoint;
  return { epoch: number, size: treeSize, root: rootHash };
}

function wireLine(issued: IssuedReceipt): OutputOf<typeof api.receipts.list>['items'][number] {
  const { receipt } = issued;
  return {
    id: issued.id,
    kind: receipt.kind,
    inference: issued.inferenceId as Id<'inference'>,
    hash: issued.hash,
    units: receipt.kind === 'receipt' ? receipt.price.units : receipt.units,
    leafIndex: issued.leafIndex,
    issuedAt: issued.issuedAt.toISOString(),
  };
}
