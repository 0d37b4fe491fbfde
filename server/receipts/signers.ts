/** Who signs: receipts as an Ethereum account, heads of the log with Ed25519. A key service can stand behind either. */
import {
  addressOf,
  type Checkpoint,
  ed25519PublicKey,
  formatCheckpoint,
  formatNote,
  formatNoteKey,
  type Receipt,
  type ReceiptSignature,
  receiptTypedData,
  sha256Hex,
  signNote,
  signTypedData,
} from '@openledger/protocol';
import type { Keys } from '../platform/keys.ts';

export type ReceiptSigner = {
  /** Lower case. */
  readonly address: string;
  readonly sign: (receipt: Receipt) => Promise<ReceiptSignature>;
};

export type LogSigner = {
  /** The log's name, which its key bears as well. */
  readonly origin: string;
  /** As trust files hold it. */
  readonly key: string;
  /** @returns the signed note's text */
  readonly sign: (head: Omit<Checkpoint, 'origin'>) => Promise<string>;
};

export type Signers = { readonly receipts: ReceiptSigner; readonly log: LogSigner };

/** Signers whose keys lie in this installation's key folder; made at first use. */
export async function openSigners(keys: Pick<Keys, 'secret'>): Promise<Signers> {
  const [receiptKey, logSeed] = await Promise.all([keys.secret('receipts'), keys.secret('log')]);
  return { receipts: receiptSigner(receiptKey), log: logSigner(logSeed) };
}

function receiptSigner(secretKey: Uint8Array): ReceiptSigner {
  const address = addressOf(secretKey);
  return {
    address,
    sign: async (receipt) => ({
      scheme: 'eip712',
      signer: address,
      value: signTypedData(receiptTypedData(receipt), secretKey),
    }),
  };
}

/** The log is named after its key, so that no two logs share a name. */
function logSigner(seed: Uint8Array): LogSigner {
  const publicKey = ed25519PublicKey(seed);
  const origin = `openledger/${sha256Hex(publicKey).slice(0, 16)}`;
  return {
    origin,
    key: formatNoteKey({ name: origin, publicKey }),
    sign: async (head) =>
      formatNote(signNote(formatCheckpoint({ origin, ...head }), { name: origin, seed })),
  };
}
