/**
 * The model factory and its registry: from sealed snapshots to a model somebody can call.
 *
 * It promises that
 * - a run is reproducible: recipe, snapshots, seed and engine version give the same files on the same kind of machine;
 * - a run that was interrupted continues from its checkpoint, and makes its model once;
 * - every model names the snapshots it learned from, by hash; that is what its data leg pays;
 * - files are the field's: Hugging Face config, safetensors, tokenizer.json, PEFT adapters;
 * - a model elsewhere whose tokenizer is named has its tokens counted by that, and none is registered with one that is not there;
 * - no run begins on records whose licences refuse it, each by itself or together;
 * - withdrawn records are neither trained on nor interpolated with from the next use on.
 *
 * Training and inference run in processes of their own, so that numbers never stall the ledger.
 * It does not meter or charge (gateway), and does not say who shaped an answer (attribution).
 *
 * Tables: models.runs, models.models.
 */
import { join } from 'node:path';
import { type Id, OpenLedgerError, type Recipe } from '@openledger/protocol';
import type { Datanets } from '../datanets/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { newId } from '../platform/new-id.ts';
import { writeCorpus } from './corpus.ts';
import type {
  AnswerLikelihoods,
  EngineAnswer,
  EngineEvent,
  EngineGeneration,
  EngineModel,
} from './engine-messages.ts';
import { executeRun } from './execute-run.ts';
import { modelFolders } from './folders.ts';
import type { InfluenceScores } from './influence/influence-scores.ts';
import { createLocalEngine } from './local-engine.ts';
import {
  assertNameFree,
  findModel,
  listModels,
  type Model,
  modelsMadeFrom,
  registerModel,
} from './registry.ts';
import { findRun, listRuns, queueRun, type Run } from './runs.ts';
import { createTokenizers, type Tokenizers } from './tokenizers.ts';

export type { AnswerLikelihoods } from './engine-messages.ts';
export { modelIdOf } from './execute-run.ts';
export type { InfluenceScores } from './influence/influence-scores.ts';
export type { Model, ModelSnapshot } from './registry.ts';
export type { Run } from './runs.ts';

/** A generation on one of the models made here. */
export type GenerateOptions = EngineGeneration & { readonly model: string };

export type Models = {
  /**
   * Queues a run; the flow carries it out.
   *
   * @throws not_found, model_not_found, unprocessable, conflict, purpose_not_licensed, licences_conflict
   */
  train(builderId: Id<'party'>, recipe: Recipe): Promise<Id<'run'>>;
  executeRun(runId: Id<'run'>): Promise<void>;
  run(runId: string): Promise<Run>;
  runs(query: { limit: number }): Promise<readonly Run[]>;
  /** @throws model_not_found */
  find(name: string): Promise<Model>;
  list(): Promise<readonly Model[]>;
  /** Those that learned from any of the snapshots, by themselves or through their base. */
  madeFrom(snapshotIds: readonly string[]): Promise<readonly Model[]>;
  /**
   * A model that another operator serves: no files and no registered data here.
   *
   * @throws not_found and unprocessable for a tokenizer that is not there or cannot be used, conflict
   */
  registerExternal(model: {
    name: string;
    operator: string;
    operatorModel: string;
    builderId: Id<'party'>;
    pricing: Model['pricing'];
    maxTokens: number;
    tokenizer?: string | undefined;
  }): Promise<void>;
  /** Tokens by the tokenizers of models elsewhere. */
  readonly tokenizers: Pick<Tokenizers, 'count'>;
  generate(options: GenerateOptions & { readonly signal: AbortSignal }): AsyncIterable<EngineEvent>;
  countTokens(options: GenerateOptions): Promise<number>;
  /** How likely one of the models made here finds an answer. @throws model_not_found, operator_failed */
  likelihoods(answer: EngineAnswer & { readonly model: string }): Promise<AnswerLikelihoods>;
  /**
   * How far what an adapter learned moved an answer, by groups of records; undefined for a model without an ensemble.
   *
   * @throws model_not_found, operator_failed
   */
  influence(answer: {
    readonly model: string;
    readonly prompt: string;
    readonly output: string;
  }): Promise<InfluenceScores | undefined>;
  /** Ends the processes that train and generate. An unfinished run goes on in the next process. */
  stop(): void;
};

export type ModelsHandles = {
  readonly db: Db;
  readonly datanets: Datanets;
  readonly clock: Clock;
  readonly log: Log;
  readonly folder: string;
  readonly threads: number;
  /** Units a token for models made here. */
  readonly prices: { readonly promptUnits: bigint; readonly completionUnits: bigint };
};

export function createModels(handles: ModelsHandles): Models {
  const { db, datanets, clock } = handles;
  const folders = modelFolders(handles.folder);
  const engine = createLocalEngine(handles.log);
  const tokenizers = createTokenizers({ log: handles.log, fileOf: folders.tokenizer });
  const stopping = new AbortController();
  const engineModel = (name: string) => engineModelOf({ db, datanets, folders }, name);
  return {
    async train(builderId, recipe) {
      await datanets.findSnapshot(recipe.snapshot);
      const base = recipe.kind === 'adapter' ? await findBase(db, recipe.base) : undefined;
      if (!base) await assertNameFree(db, recipe.name);
      await datanets.assertRights({
        snapshotIds: [recipe.snapshot, ...(base?.snapshots ?? []).map((one) => one.snapshotId)],
        context: [],
        commercial: isPaid(handles.prices),
      });
      const runId = newId('run', clock);
      await db.transaction((tx) =>
        queueRun(tx, { runId, builderId, recipe, createdAt: clock.now() }),
      );
      return runId;
    },
    executeRun: (runId) => executeRun({ ...handles, folders, signal: stopping.signal }, runId),
    run: (runId) => findRun(db, runId),
    runs: (query) => listRuns(db, query),
    find: (name) => findModel(db, name),
    list: () => listModels(db),
    madeFrom: (snapshotIds) => modelsMadeFrom(db, snapshotIds),
    async registerExternal({ tokenizer, ...model }) {
      if (tokenizer !== undefined) await tokenizers.assertUsable(tokenizer);
      await db.transaction((tx) =>
        registerModel(tx, {
          ...model,
          ...{
            modelId: newId('model', clock),
            kind: 'external',
            createdAt: clock.now(),
            snapshots: [],
          },
          ...{ baseId: undefined, runId: undefined, hash: undefined, influenceAdapters: 0 },
          ...{ tokenizer, defaultMaxTokens: Math.min(512, model.maxTokens) },
        }),
      );
    },
    tokenizers,
    async *generate({ model, signal, ...generation }) {
      yield* engine.generate(await engineModel(model), generation, signal);
    },
    countTokens: async ({ model, ...generation }) =>
      engine.count(await engineModel(model), generation),
    likelihoods: async ({ model, ...answer }) => engine.score(await engineModel(model), answer),
    async influence({ model, ...answer }) {
      const { influenceAdapters } = await findModel(db, model);
      if (influenceAdapters === 0) return undefined;
      return engine.influence(await engineModel(model), answer);
    },
    stop() {
      stopping.abort();
      engine.stop();
      tokenizers.stop();
    },
  };
}

/** Whether calls of the model cost anything: then its records are used commercially. */
export const isPaid = ({ promptUnits, completionUnits }: Model['pricing']): boolean =>
  promptUnits > 0n || completionUnits > 0n;

async function findBase(db: Db, name: string): Promise<Model> {
  const base = await findModel(db, name);
  if (base.kind !== 'base')
    throw new OpenLedgerError('unprocessable', `${name} is not a base model.`);
  return base;
}

type EngineHandles = Pick<ModelsHandles, 'db' | 'datanets'> & {
  readonly folders: ReturnType<typeof modelFolders>;
};

async function engineModelOf(
  { db, datanets, folders }: EngineHandles,
  name: string,
): Promise<EngineModel> {
  const model = await findModel(db, name);
  const corpora: string[] = [];
  for (const { snapshotId } of model.snapshots)
    corpora.push(await writeCorpus(datanets, { folders, snapshotId }));
  const isAdapter = model.kind === 'adapter';
  return {
    key: [model.modelId, ...corpora].join('|'),
    baseFolder: folders.model(isAdapter ? (model.baseId as string) : model.modelId),
    adapterFolder: isAdapter ? join(folders.model(model.modelId)) : undefined,
    corpora: [...new Set(corpora)],
  };
}
