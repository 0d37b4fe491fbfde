/** Carries out a queued run in a process of its own, and registers what it made. */
import { rm } from 'node:fs/promises';
import { type Evaluation, type Id, OpenLedgerError, type RunProgress } from '@openledger/protocol';
import type { Datanets } from '../datanets/index.ts';
import { startChild } from '../platform/child.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db.ts';
import { writeCorpus } from './corpus.ts';
import { folderHash, type ModelFolders } from './folders.ts';
import { type OwnedRecord, ownerGroups } from './influence/owner-groups.ts';
import {
  adapterName,
  findModel,
  type Model,
  type ModelSnapshot,
  registerModel,
} from './registry.ts';
import { failRun, findRun, finishRun, type Run, recordProgress, startRun } from './runs.ts';
import type { TrainJob, TrainReport } from './train-job.ts';

export type RunHandles = {
  readonly db: Db;
  readonly datanets: Datanets;
  readonly clock: Clock;
  readonly folders: ModelFolders;
  readonly threads: number;
  readonly prices: { readonly promptUnits: bigint; readonly completionUnits: bigint };
  /** Aborts when this process is told to stop: the run stays as it is, and the next process goes on with it. */
  readonly signal: AbortSignal;
};

/** Idempotent: a run that has ended is left alone, one that was interrupted continues from its checkpoint. */
export async function executeRun(handles: RunHandles, runId: Id<'run'>): Promise<void> {
  const { db, clock, folders } = handles;
  const run = await findRun(db, runId);
  const begun = await db.transaction((tx) => startRun(tx, runId, clock.now()));
  if (!begun) return;
  try {
    const job = await jobOf(handles, run);
    const evaluation = await train(job, handles.signal, (progress) =>
      db.transaction((tx) => recordProgress(tx, runId, progress)),
    );
    const model = await modelOf(handles, run);
    await db.transaction(async (tx) => {
      await registerModel(tx, { ...model, name: await nameOf(tx, run) });
      await finishRun(tx, runId, evaluation, clock.now());
    });
  } catch (error) {
    if (handles.signal.aborted) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    await db.transaction((tx) => failRun(tx, runId, reason, clock.now()));
  }
  await rm(folders.run(runId), { recursive: true, force: true });
}

/** A run makes one model: its id is the run's under the other prefix. */
export const modelIdOf = (runId: string): Id<'model'> =>
  runId.replace(/^run_/, 'mdl_') as Id<'model'>;

async function jobOf(handles: RunHandles, { runId, recipe }: Run): Promise<TrainJob> {
  const { db, datanets, folders, threads } = handles;
  const common = {
    corpus: await writeCorpus(datanets, { folders, snapshotId: recipe.snapshot }),
    runFolder: folders.run(runId),
    modelFolder: folders.model(modelIdOf(runId)),
    threads,
  };
  if (recipe.kind === 'base') return { ...common, kind: 'base', recipe };
  const base = await findBase(handles, recipe.base);
  const learned = base.snapshots.find((snapshot) => snapshot.role === 'base') as ModelSnapshot;
  return {
    ...common,
    kind: 'adapter',
    recipe,
    baseFolder: folders.model((await findModel(db, base.modelId)).modelId),
    baseCorpus: await writeCorpus(datanets, { folders, snapshotId: learned.snapshotId }),
    groups: recipe.influence ? await groupsOf(datanets, recipe.snapshot) : [],
  };
}

async function groupsOf(
  datanets: Datanets,
  snapshotId: string,
): Promise<readonly (readonly string[])[]> {
  const records: OwnedRecord[] = [];
  for await (const { recordHash, ownersHash, text } of datanets.snapshotRecords(snapshotId)) {
    records.push({ hash: recordHash, owners: ownersHash, characters: text.length });
  }
  return ownerGroups(records);
}

async function findBase({ db }: RunHandles, name: string): Promise<Model> {
  const base = await findModel(db, name);
  if (base.kind === 'base') return base;
  throw new OpenLedgerError('unprocessable', `${name} is not a base model.`);
}

function train(
  job: TrainJob,
  signal: AbortSignal,
  onProgress: (progress: RunProgress) => Promise<void>,
): Promise<Evaluation> {
  return new Promise((resolve, reject) => {
    const child = startChild<TrainJob, TrainReport>(
      new URL('./trainer-process.ts', import.meta.url),
    );
    if (signal.aborted) child.kill();
    signal.addEventListener('abort', child.kill);
    let recorded = Promise.resolve();
    const end = (settle: () => void) => {
      settle();
      child.kill();
    };
    child.onMessage((report) => {
      if (report.kind === 'progress') {
        recorded = recorded.then(() => onProgress(report.progress));
        recorded.catch((error) => end(() => reject(error)));
      } else if (report.kind === 'failed') {
        end(() => reject(new Error(report.reason)));
      } else {
        // Its last progress is recorded before it is let go: an exit before that would count as a failure.
        recorded.then(() => end(() => resolve(report.evaluation)), reject);
      }
    });
    child.onExit((reason) => {
      signal.removeEventListener('abort', child.kill);
      reject(new Error(`The trainer stopped: ${reason}`));
    });
    child.send(job);
  });
}

const nameOf = async (tx: Tx, { recipe }: Run): Promise<string> =>
  recipe.kind === 'base'
    ? recipe.name
    : adapterName(tx, { base: (await findModel(tx, recipe.base)).name, adapter: recipe.name });

async function modelOf(
  handles: RunHandles,
  { runId, recipe, builderId }: Run,
): Promise<Omit<Model, 'name'>> {
  const { datanets, folders, clock, prices } = handles;
  const modelId = modelIdOf(runId);
  const { hash } = await datanets.findSnapshot(recipe.snapshot);
  const own: ModelSnapshot = { snapshotId: recipe.snapshot, hash, role: recipe.kind };
  const base = recipe.kind === 'adapter' ? await findBase(handles, recipe.base) : undefined;
  return {
    modelId,
    kind: recipe.kind,
    baseId: base?.modelId,
    runId,
    builderId,
    operator: 'local',
    operatorModel: modelId,
    tokenizer: undefined,
    hash: await folderHash(folders.model(modelId)),
    snapshots: base ? [...base.snapshots, own] : [own],
    influenceAdapters: recipe.kind === 'adapter' ? (recipe.influence?.adapters ?? 0) : 0,
    pricing: prices,
    defaultMaxTokens: 48,
    maxTokens: 96,
    createdAt: clock.now(),
  };
}
