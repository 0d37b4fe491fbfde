/** Operations of receipts: one's own, and the public log that holds them all. */
import { z } from 'zod';
import { Sha256Hex } from '../hash.ts';
import { idSchema } from '../ids.ts';
import { Units } from '../money.ts';
import type { Operations } from '../operations.ts';
import { Receipt, ReceiptSignature } from '../receipt.ts';
import { Address } from '../signatures.ts';
import { pageOf, paging } from './paging.ts';

const receiptId = idSchema('receipt');
const TreeSize = z.number().int().min(0);
const QueriedSize = z.coerce.number<number>().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** A receipt in a list; the whole is one call away. */
export const ReceiptLine = z.object({
  id: receiptId,
  kind: z.enum(['receipt', 'reversal']),
  inference: idSchema('inference'),
  /** Its name: SHA-256 of its canonical JSON. */
  hash: Sha256Hex,
  units: Units,
  leafIndex: TreeSize,
  issuedAt: z.iso.datetime(),
});

export const receiptsOperations = {
  get: {
    summary: 'Show a receipt that the caller has a part in',
    method: 'GET',
    path: '/api/receipts/:receiptId',
    scope: 'read',
    input: z.object({ receiptId }),
    output: z.object({
      hash: Sha256Hex,
      leafIndex: TreeSize,
      issuedAt: z.iso.datetime(),
      receipt: Receipt,
      signature: ReceiptSignature,
    }),
  },
  list: {
    summary: "List the receipts of the caller's calls, newest first",
    method: 'GET',
    path: '/api/receipts',
    scope: 'read',
    input: z.object({ ...paging }),
    output: pageOf(ReceiptLine),
  },
  bundle: {
    summary: 'Fetch all that is needed to verify a receipt offline; the texts for its payer only',
    method: 'GET',
    path: '/api/receipts/:receiptId/bundle',
    scope: 'read',
    input: z.object({
      receiptId,
      /** Proves one history with the log root that this settlement epoch anchored on chain. */
      epoch: z.coerce.number<number>().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
    }),
    /** Canonical JSON as text, to be kept byte for byte. */
    output: z.object({ bundle: z.string() }),
  },
  replay: {
    summary: 'Measure the answer of a receipt that the caller has a part in once more, and compare',
    method: 'POST',
    path: '/api/receipts/:receiptId/replay',
    scope: 'read',
    input: z.object({ receiptId }),
    output: z.object({
      /** No score lies further apart than the tolerance. */
      holds: z.boolean(),
      /** In 2^-20 nats, as the scores are. */
      tolerance: z.number().int().min(0),
      scores: z.array(
        z.object({ of: z.string(), committed: z.number().int(), again: z.number().int() }),
      ),
    }),
  },
  erase: {
    summary: "Delete what opens a receipt's commitments to request and output, for good",
    method: 'POST',
    path: '/api/receipts/:receiptId/erase',
    scope: 'manage',
    input: z.object({ receiptId }),
    output: z.object({ erased: z.literal(true) }),
  },
  checkpoint: {
    summary: "Fetch the log's signed head",
    method: 'GET',
    path: '/api/receipts/log/checkpoint',
    scope: 'public',
    input: z.object({}),
    output: z.object({ treeSize: TreeSize, rootHash: Sha256Hex, note: z.string() }),
  },
  consistency: {
    summary: 'Prove that the log of one size grew into the log of another',
    method: 'GET',
    path: '/api/receipts/log/consistency',
    scope: 'public',
    input: z.object({ first: QueriedSize, second: QueriedSize }),
    output: z.object({ proof: z.array(Sha256Hex) }),
  },
  trust: {
    summary: 'Show whom a verifier of receipts would trust: the keys of the log and of the signers',
    method: 'GET',
    path: '/api/receipts/log/trust',
    scope: 'public',
    input: z.object({}),
    output: z.object({ logKeys: z.array(z.string()), signers: z.array(Address) }),
  },
} as const satisfies Operations;
