/** What receipts works with. */
import type { EntitlementVector, OwnedWords, SnapshotManifest, Terms } from '@openledger/protocol';
import type { Governance } from '../governance/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import type { Signers } from './signers.ts';

export type ReceiptsHandles = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly signers: Signers;
  readonly governance: Pick<Governance, 'findPolicy'>;
  readonly snapshots: SnapshotProofs;
  /** An inference's request and output as the receipt committed to them. @throws not_found */
  readonly textsOf: (
    inferenceId: string,
  ) => Promise<{ readonly request: string; readonly output: string }>;
  /** By their hash. @throws not_found */
  readonly termsOf: (hash: string) => Promise<Terms>;
};

/** Where a record stands in a snapshot, and whose it is. */
export type RecordProof = {
  readonly record: string;
  readonly index: number;
  /** Sibling hashes in lower-case hex, nearest to the leaf first. */
  readonly proof: readonly string[];
  readonly owners: EntitlementVector;
  /** Whose each of its words is. */
  readonly map: readonly OwnedWords[];
  /** Undefined when it was withdrawn. */
  readonly text: string | undefined;
};

export type SnapshotProofs = {
  /** @throws not_found */
  readonly manifest: (snapshotId: string) => Promise<SnapshotManifest>;
  /** In any order. @throws not_found when a record is not in the snapshot */
  readonly prove: (
    snapshotId: string,
    recordHashes: readonly string[],
  ) => Promise<readonly RecordProof[]>;
};
