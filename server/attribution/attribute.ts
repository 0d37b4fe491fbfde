/** Attributes one served inference: trace, coverage, the other channels, shares. */
import {
  type ChannelEvidence,
  type Coverage,
  coverage,
  type Evidence,
  evidenceOf,
  type FeePolicy,
  measuredFrom,
  OpenLedgerError,
  type OwnersOf,
  type ReceiptSnapshot,
  type Shares,
  shareByChannels,
  snapshotRoles,
  type TraceRecord,
} from '@openledger/protocol';
import type { Inference } from '../gateway/index.ts';
import { announce } from '../platform/jobs.ts';
import { newId } from '../platform/new-id.ts';
import { insertAttribution, isAttributed } from './attributions.ts';
import { measureChannels } from './measure-channels.ts';
import type { CreditableText } from './score-channels.ts';
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
  const { db, clock, gateway, governance } = handles;
  if (await isAttributed(db, inferenceId)) return;
  const inference = await gateway.find(inferenceId);
  if (inference.status !== 'served') {
    throw new OpenLedgerError('conflict', `${inferenceId} was not served: nothing to attribute.`);
  }
  const { hash, policy } = await governance.policyInForce();
  const sources = await sourcesOf(handles, inference);
  const weighed = await weigh(handles, { inference, sources, policy });
  await db.transaction(async (tx) => {
    const isNew = await insertAttribution(tx, {
      ...{ ...weighed, inferenceId: inference.inferenceId, policyHash: hash },
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
  readonly channels: ChannelEvidence | undefined;
} & Pick<Coverage, 'total' | 'covered'>;

type Weighable = {
  readonly inference: Inference;
  readonly sources: readonly Source[];
  readonly policy: FeePolicy;
};

/** Without registered data there are neither evidence nor shares. */
async function weigh(
  handles: AttributionHandles & { readonly shelf: SnapshotShelf },
  weighable: Weighable,
): Promise<Weighed> {
  const { inference, sources, policy } = weighable;
  if (sources.length === 0) {
    return { ...{ shares: [], evidence: undefined, channels: undefined }, total: 0n, covered: 0n };
  }
  const withdrawn = new Set(sources.flatMap((source) => [...source.withdrawn]));
  const { evidence, total, covered } = await traced(handles.shelf, weighable, withdrawn);
  const creditable = creditableOf(inference, sources, withdrawn);
  const snapshotOf = (recordHash: string) =>
    withdrawn.has(recordHash) ? undefined : holder(recordHash, sources).snapshot.snapshot;
  const channels = await measureChannels(handles, { inference, creditable, snapshotOf, policy });
  const shares = shareByChannels({
    ...{ policy, evidence, channels },
    snapshots: sources.map(({ snapshot }) => snapshot),
    retrieved: inference.retrieved.map(({ recordHash }) => ({ record: recordHash })),
    measure: (part) => measuredFrom(part, ownersOfWordIn(sources)),
    ownersOf: (recordHash) => holder(recordHash, sources).shelved.ownersOf(recordHash) ?? [],
  });
  return { shares, evidence, channels, total, covered };
}

async function traced(
  shelf: SnapshotShelf,
  { inference, sources, policy }: Weighable,
  withdrawn: ReadonlySet<string>,
) {
  const { output, clientTexts } = inference;
  const { minWords, maxRecords, confidencePpm } = policy.trace;
  const rules = { minWords, maxRecords };
  const scope = { indexes: await indexesOf(inference, sources), withdrawn };
  const found = trace(output, { scope, clientTexts, rules });
  const information = shelf.informationOf(sources.map(({ shelved }) => shelved));
  const firstWordOf = (recordHash: string, start: number) =>
    holder(recordHash, sources).shelved.wordAt(recordHash, start);
  const measured = coverage(output, found, {
    ...{ information, firstWordOf, ownersOf: ownersOfWordIn(sources) },
  });
  const evidence = evidenceOf({
    ...{ output, trace: found, rules, confidencePpm, information, coverage: measured, firstWordOf },
    snapshotOf: (recordHash) => holder(recordHash, sources).snapshot.snapshot,
  });
  return { evidence, total: measured.total, covered: measured.covered };
}

const ownersOfWordIn =
  (sources: readonly Source[]): OwnersOf =>
  (recordHash, word) =>
    holder(recordHash, sources).shelved.ownersOfWord(recordHash, word) ?? [];

/** The records in the prompt that nobody has withdrawn, best first, each once. */
function creditableOf(
  { retrieved }: Pick<Inference, 'retrieved'>,
  sources: readonly Source[],
  withdrawn: ReadonlySet<string>,
): readonly CreditableText[] {
  const hashes = new Set(retrieved.map(({ recordHash }) => recordHash));
  return [...hashes].flatMap((record) => {
    if (withdrawn.has(record)) return [];
    const { shelved, snapshot } = holder(record, sources);
    const [text, owners] = [shelved.textOf(record), shelved.ownersOf(record)];
    return text && owners ? [{ record, snapshot: snapshot.snapshot, text, owners }] : [];
  });
}

/** All records of the model's snapshots, and of the others just those that were put into the prompt. */
async function indexesOf({ retrieved }: Pick<Inference, 'retrieved'>, sources: readonly Source[]) {
  const learned = sources.filter(({ snapshot }) => snapshot.role !== 'context');
  const inPrompt: TraceRecord[] = retrieved.flatMap(({ recordHash, snapshotId }) => {
    const source = sources.find(({ shelved }) => shelved.snapshotId === snapshotId);
    const text = source?.shelved.textOf(recordHash);
    return text === undefined ? [] : [{ hash: recordHash, text }];
  });
  return [
    ...(await Promise.all(learned.map(({ shelved }) => shelved.index()))),
    buildTraceIndex(inPrompt),
  ];
}

/** A record that several of the snapshots hold takes part by the first of them. */
function holder(recordHash: string, sources: readonly Source[]): Source {
  const source = sources.find(({ shelved }) => shelved.textOf(recordHash) !== undefined);
  if (!source) throw new Error(`Record ${recordHash} took part, and no snapshot holds it.`);
  return source;
}
