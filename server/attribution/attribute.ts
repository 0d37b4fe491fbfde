/** Attributes one served inference: trace, coverage, blend. */
import {
  blendShares,
  type Coverage,
  coverage,
  type Evidence,
  evidenceOf,
  type FeePolicy,
  OpenLedgerError,
  priorPools,
  type ReceiptSnapshot,
  type Shares,
  snapshotRoles,
  type TraceRecord,
} from '@openledger/protocol';
import type { Inference } from '../gateway/index.ts';
import { announce } from '../platform/jobs.ts';
import { newId } from '../platform/new-id.ts';
import { insertAttribution, isAttributed } from './attributions.ts';
import type { ShelvedSnapshot, SnapshotShelf } from './snapshot-shelf.ts';
import type { AttributionHandles, Standing } from './stage.ts';
import { buildTraceIndex, trace } from './trace/trace-index.ts';

/**
 * Attributes an inference once, however often it is asked to, and announces `inference.attributed`.
 *
 * @throws conflict when the inference was not served
 */
export async function attribute(
  handles: AttributionHandles & { readonly shelf: SnapshotShelf },
  inferenceId: string,
): Promise<void> {
  const { db, clock, gateway, governance, shelf } = handles;
  if (await isAttributed(db, inferenceId)) return;
  const inference = await gateway.find(inferenceId);
  if (inference.status !== 'served') {
    throw new OpenLedgerError('conflict', `${inferenceId} was not served: nothing to attribute.`);
  }
  const { hash, policy } = await governance.policyInForce();
  const sources = await sourcesOf(handles, inference);
  const { shares, evidence, covered, total } = weigh(inference, sources, { policy, shelf });
  await db.transaction(async (tx) => {
    const isNew = await insertAttribution(tx, {
      ...{ inferenceId: inference.inferenceId, policyHash: hash, shares, evidence, total, covered },
      attributionId: newId('attribution', clock),
      snapshots: sources.map(({ snapshot }) => snapshot),
      attributedAt: clock.now(),
    });
    if (isNew) await announce(tx, 'inference.attributed', { inferenceId });
  });
}

/** A snapshot's part in an inference. */
type Source = {
  readonly snapshot: ReceiptSnapshot;
  readonly shelved: ShelvedSnapshot;
  readonly withdrawn: Standing['withdrawn'];
};

/** The snapshots behind an inference, adapter first, then base, then what was retrieved from; by id within a role. */
async function sourcesOf(
  { snapshots, shelf }: AttributionHandles & { readonly shelf: SnapshotShelf },
  { route, retrieved }: Pick<Inference, 'route' | 'retrieved'>,
): Promise<readonly Source[]> {
  const named = [
    ...route.snapshots.map(({ snapshotId, role }) => ({ snapshotId, role })),
    ...retrieved.map(({ snapshotId }) => ({ snapshotId, role: 'context' as const })),
  ];
  const ids = [...new Set(named.map(({ snapshotId }) => snapshotId))].sort();
  const found = await Promise.all(
    // Once each: in all its parts a snapshot stands as it does at one moment.
    ids.map(async (snapshotId) => ({
      snapshotId,
      shelved: await shelf.find(snapshotId),
      standing: await snapshots.standing(snapshotId),
    })),
  );
  return snapshotRoles.flatMap((role) =>
    found
      .filter(({ snapshotId }) =>
        named.some((one) => one.role === role && one.snapshotId === snapshotId),
      )
      .map(({ snapshotId, shelved, standing: { pool, withdrawn } }) => ({
        snapshot: { snapshot: snapshotId, hash: shelved.hash, role, pool },
        shelved,
        withdrawn,
      })),
  );
}

type Weighed = {
  readonly shares: Shares;
  readonly evidence: Evidence | undefined;
} & Pick<Coverage, 'total' | 'covered'>;

/** Without registered data there are neither evidence nor shares. */
function weigh(
  inference: Pick<Inference, 'output' | 'clientTexts' | 'retrieved'>,
  sources: readonly Source[],
  { policy, shelf }: { readonly policy: FeePolicy; readonly shelf: SnapshotShelf },
): Weighed {
  if (sources.length === 0) return { shares: [], evidence: undefined, total: 0n, covered: 0n };
  const { output, clientTexts } = inference;
  const { minWords, maxRecords, confidencePpm } = policy.trace;
  const rules = { minWords, maxRecords };
  const found = trace(output, { scope: scopeOf(inference, sources), clientTexts, rules });
  const information = shelf.informationOf(sources.map(({ shelved }) => shelved));
  const holderOf = (recordHash: string) => holder(recordHash, sources);
  const firstWordOf = (recordHash: string, start: number) =>
    holderOf(recordHash).shelved.wordAt(recordHash, start);
  const measured = coverage(output, found, {
    information,
    firstWordOf,
    ownersOf: (recordHash, word) => holderOf(recordHash).shelved.ownersOf(recordHash, word) ?? [],
  });
  const pools = priorPools(
    policy,
    sources.map(({ snapshot }) => snapshot),
  );
  return {
    shares: blendShares({ measured, confidencePpm, pools }).shares,
    evidence: evidenceOf({
      ...{
        output,
        trace: found,
        rules,
        confidencePpm,
        information,
        coverage: measured,
        firstWordOf,
      },
      snapshotOf: (recordHash) => holderOf(recordHash).snapshot.snapshot,
    }),
    total: measured.total,
    covered: measured.covered,
  };
}

/** All records of the model's snapshots, and of the others just those that were put into the prompt. */
function scopeOf({ retrieved }: Pick<Inference, 'retrieved'>, sources: readonly Source[]) {
  const learned = sources.filter(({ snapshot }) => snapshot.role !== 'context');
  const inPrompt: TraceRecord[] = retrieved.flatMap(({ recordHash, snapshotId }) => {
    const source = sources.find(({ shelved }) => shelved.snapshotId === snapshotId);
    const text = source?.shelved.textOf(recordHash);
    return text === undefined ? [] : [{ hash: recordHash, text }];
  });
  return {
    indexes: [...learned.map(({ shelved }) => shelved.index()), buildTraceIndex(inPrompt)],
    withdrawn: new Set(sources.flatMap(({ withdrawn }) => [...withdrawn])),
  };
}

/** A record that several of the snapshots hold takes part by the first of them. */
function holder(recordHash: string, sources: readonly Source[]): Source {
  const source = sources.find(({ shelved }) => shelved.textOf(recordHash) !== undefined);
  if (!source) throw new Error(`The trace found ${recordHash}, which no snapshot holds.`);
  return source;
}
