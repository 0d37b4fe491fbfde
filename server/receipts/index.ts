/**
 * Receipts: the signed account of each inference, and the public log that holds them all.
 *
 * It promises that
 * - an inference has one receipt, signed and in the log, however often it is asked for;
 * - a leaf, once in the log, is never changed or moved: any two signed heads are one history, and can be proved so;
 * - a bundle holds all that `openledger verify` needs, and nothing that is not bound by one of its checks;
 * - request and output are in it only as salted commitments; once the salts are erased, nobody can open them again.
 *
 * It does not decide anything it writes down (gateway, attribution, fees), and does not anchor heads on chain
 * (settlement). It keeps no copy of the texts: erasing them where they lie is the gateway's.
 *
 * A leaf's data is the canonical JSON of `{ receipt, signature }`. Heads are Ed25519-signed notes (C2SP tlog-checkpoint),
 * one a second at most while the log grows, and one whenever a bundle is made.
 *
 * Tables: receipts.receipts, receipts.salts, receipts.nodes, receipts.checkpoints.
 */
import { sleep } from '../platform/clock.ts';
import { sql } from '../platform/sql.ts';
import { createAppends } from './append.ts';
import { assembleBundle, type BundleOptions } from './assemble-bundle.ts';
import { type Accounted, issueReceipt, issueReversal, type Reversed } from './issue.ts';
import { type LogHead, logSize, proveConsistency, signHead } from './log.ts';
import { findReceipt, type IssuedReceipt, listReceipts } from './receipts.ts';
import type { ReceiptsHandles } from './stage.ts';

export type { BundleOptions } from './assemble-bundle.ts';
export type { Accounted, Reversed } from './issue.ts';
export type { LogHead } from './log.ts';
export { proofsFrom } from './proofs-from.ts';
export type { IssuedReceipt } from './receipts.ts';
export { openSigners, type Signers } from './signers.ts';
export type { ReceiptsHandles, RecordProof, SnapshotProofs } from './stage.ts';

export type Receipts = {
  /** Issues an inference's receipt. Repeatable. */
  issue(accounted: Accounted): Promise<IssuedReceipt>;
  /** Issues the receipt of a reversal. Repeatable. @throws not_found when there is no receipt to reverse */
  issueReversal(reversed: Reversed): Promise<IssuedReceipt>;
  /** @throws not_found */
  find(receiptId: string): Promise<IssuedReceipt>;
  list(query: {
    readonly payerId: string;
    readonly limit: number;
    readonly after?: string;
  }): Promise<readonly IssuedReceipt[]>;
  /** A receipt with everything around it, as canonical JSON text. */
  bundle(receiptId: string, options: BundleOptions): Promise<string>;
  /** Deletes what opens the commitments of an inference's receipt. Repeatable. */
  erase(inferenceId: string): Promise<void>;

  /** The log's head, signed. */
  checkpoint(): Promise<LogHead>;
  consistency(sizes: {
    readonly first: number;
    readonly second: number;
  }): Promise<readonly string[]>;
  /** Leaves in the log. */
  size(): Promise<number>;
  /** Whom a verifier must trust: the log's key and the signers of receipts. */
  trusted(): { readonly logKeys: readonly string[]; readonly signers: readonly string[] };
  /** Starts signing a head now and then while the log grows. */
  startCheckpoints(options?: { readonly intervalMs?: number }): { stop(): Promise<void> };
};

export function createReceipts(handles: ReceiptsHandles): Receipts {
  const { db, signers } = handles;
  const issuing = { ...handles, appends: createAppends(handles) };
  return {
    issue: (accounted) => issueReceipt(issuing, accounted),
    issueReversal: (reversed) => issueReversal(issuing, reversed),
    find: (receiptId) => findReceipt(db, receiptId),
    list: (query) => listReceipts(db, query),
    bundle: (receiptId, options) => assembleBundle(handles, receiptId, options),
    async erase(inferenceId) {
      await db.transaction((tx) =>
        tx.query(sql`delete from receipts.salts where inference_id = ${inferenceId}`),
      );
    },
    checkpoint: () => signHead(handles, signers.log),
    consistency: (sizes) => proveConsistency(db, sizes),
    size: () => logSize(db),
    trusted: () => ({ logKeys: [signers.log.key], signers: [signers.receipts.address] }),
    startCheckpoints({ intervalMs = 1000 } = {}) {
      const stopping = new AbortController();
      const running = keepSigning(handles, { intervalMs, signal: stopping.signal });
      return {
        stop: () => {
          stopping.abort();
          return running;
        },
      };
    },
  };
}

async function keepSigning(
  handles: ReceiptsHandles,
  { intervalMs, signal }: { readonly intervalMs: number; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    await signHead(handles, handles.signers.log).catch((cause) =>
      handles.log.warn('receipts.checkpoint_failed', { cause }),
    );
    await sleep(intervalMs, signal);
  }
}
