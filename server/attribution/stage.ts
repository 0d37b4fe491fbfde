/** What attribution works with. */
import type { OwnedWords, TraceRecord, UnigramTable } from '@openledger/protocol';
import type { Gateway } from '../gateway/index.ts';
import type { Governance } from '../governance/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';

export type AttributionHandles = {
  readonly db: Db;
  readonly clock: Clock;
  readonly gateway: Pick<Gateway, 'find'>;
  readonly governance: Pick<Governance, 'policyInForce'>;
  readonly snapshots: SnapshotSource;
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
  readonly records: readonly (TraceRecord & { readonly map: readonly OwnedWords[] })[];
  readonly information: UnigramTable;
};

export type Standing = {
  /** Hashes of records that are no longer traced or paid. */
  readonly withdrawn: ReadonlySet<string>;
  /** The name of its pool, which each withdrawal renews. */
  readonly pool: string;
};
