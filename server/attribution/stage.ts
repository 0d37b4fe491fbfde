/** What attribution works with. */
import type {
  EntitlementVector,
  OwnedWords,
  TraceRecord,
  UnigramTable,
} from '@openledger/protocol';
import type { Gateway } from '../gateway/index.ts';
import type { Governance } from '../governance/index.ts';
import type { Models } from '../models/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';

export type AttributionHandles = {
  readonly db: Db;
  readonly clock: Clock;
  readonly gateway: Pick<Gateway, 'find'>;
  readonly governance: Pick<Governance, 'policyInForce'>;
  readonly snapshots: SnapshotSource;
  readonly models: Pick<Models, 'likelihoods' | 'influence'>;
  /** The receipts' log as it stands, signed: it draws which inferences are measured. */
  readonly logHead: () => Promise<{ readonly treeSize: number; readonly rootHash: string }>;
  readonly log: Log;
  /** Where trace indexes are kept; without one they are built in memory, by each process anew. */
  readonly folder?: string;
};

export type SnapshotSource = {
  /** A sealed snapshot, whole. @throws not_found */
  load(snapshotId: string): Promise<SealedTexts>;
  /** What has changed since it was sealed. @throws not_found */
  standing(snapshotId: string): Promise<Standing>;
};

/** What was sealed and never changes. */
export type SealedTexts = {
  /** SHA-256 of the manifest. */
  readonly hash: string;
  readonly records: readonly SealedRecord[];
  readonly information: UnigramTable;
};

/** A record with its owners, and those of each of its words. */
export type SealedRecord = TraceRecord & {
  readonly owners: EntitlementVector;
  readonly map: readonly OwnedWords[];
};

export type Standing = {
  /** Hashes of records that are no longer traced or paid. */
  readonly withdrawn: ReadonlySet<string>;
  /** The name of its pool, which each withdrawal renews. */
  readonly pool: string;
};
