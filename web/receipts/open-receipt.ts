/** Fetches a receipt with everything around it. */
import {
  type Anchor,
  type Bundle,
  firstFailure,
  isId,
  OpenLedgerError,
  openBundle,
  type Trust,
} from '@openledger/protocol';
import type { Client } from '@openledger/sdk';
import { type DividedShares, divideShares } from './divide-shares.ts';

export type OpenedReceipt = {
  /** The bundle's canonical text, as it came. */
  readonly text: string;
  readonly bundle: Bundle;
  /** What this server says whom to believe; a reader who does not believe the server gets it elsewhere. */
  readonly trust: Trust;
  readonly shares: DividedShares;
};

/** With the newest root on chain that covers it, once there is one. @throws not_found while it is being written */
export async function openReceipt(
  client: Client,
  receiptId: string,
  signal: AbortSignal,
): Promise<OpenedReceipt> {
  if (!isId('receipt', receiptId)) {
    throw new OpenLedgerError('invalid_input', `"${receiptId}" is not a receipt's id.`);
  }
  const [{ leafIndex }, { logKeys, signers }, { items: epochs }] = await Promise.all([
    client.receipts.get({ receiptId }, { signal }),
    client.receipts.trust({}, { signal }),
    client.settlement.epochs({ limit: 50 }, { signal }),
  ]);
  const anchors: readonly Anchor[] = epochs.flatMap(({ number, state, checkpoint }) =>
    state === 'published' && checkpoint
      ? [{ epoch: Number(number), size: checkpoint.treeSize, root: checkpoint.rootHash }]
      : [],
  );
  const anchor = anchors.find(({ size }) => size > leafIndex);
  const { bundle: text } = await client.receipts.bundle(
    { receiptId, epoch: anchor?.epoch },
    { signal },
  );
  const { results, bundle } = openBundle(text);
  if (!bundle) throw new Error(firstFailure(results)?.detail ?? 'The bundle cannot be read.');
  return {
    text,
    bundle,
    trust: { logKeys, signers, anchors: [...anchors] },
    shares: divideShares(bundle.receipt),
  };
}
