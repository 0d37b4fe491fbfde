/** The process that trains: takes one job, reports progress, leaves the finished model's files, and ends. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { AdapterRecipe, BaseRecipe, Evaluation, RunProgress } from '@openledger/protocol';
import { loadTokenizer, type Tokenizer } from '../compute/tokenizer/tokenizer.ts';
import { trainTokenizer } from '../compute/tokenizer/train-tokenizer.ts';
import { serveParent } from '../platform/child.ts';
import { type Corpus, type CorpusDocument, readCorpus, textOf } from './corpus.ts';
import { type Adapter, mergeAdapter } from './engine/adapter.ts';
import { writeAdapter } from './engine/adapter-files.ts';
import { trainAdapter } from './engine/adapter-trainer.ts';
import { trainBase } from './engine/base-trainer.ts';
import { bigramLoss } from './engine/bigram.ts';
import { defaultAdapterRecipe, defaultBaseRecipe, defaultDimensions } from './engine/defaults.ts';
import { trainInfluence } from './engine/influence-ensemble.ts';
import { writeInfluence } from './engine/influence-files.ts';
import { llamaConfig } from './engine/llama-config.ts';
import { readModel, writeModel } from './engine/model-files.ts';
import { evaluateLoss } from './engine/score.ts';
import type { TrainingHooks } from './engine/training-loop.ts';
import type { Model } from './engine/weights.ts';
import {
  fixedWindows,
  splitHeldOut,
  type TokenData,
  tokenStream,
  type Window,
} from './engine/windows.ts';
import type { TrainJob, TrainReport } from './train-job.ts';

const HELD_OUT_EVERY = 12;
const EVALUATION_WINDOWS = 64;
const CHECKPOINT_EVERY_STEPS = 250;
const REPORT_EVERY_STEPS = 10;

const parent = serveParent<TrainJob, TrainReport>((job) => {
  train(job).then(
    (evaluation) => parent.send({ kind: 'done', evaluation }),
    (error: unknown) =>
      parent.send({
        kind: 'failed',
        reason: error instanceof Error ? error.message : String(error),
      }),
  );
});

async function train(job: TrainJob): Promise<Evaluation> {
  const draft = join(job.runFolder, 'model'); // becomes the model by one rename
  await mkdir(draft, { recursive: true });
  const evaluation =
    job.kind === 'base' ? await trainBaseJob(job, draft) : await trainAdapterJob(job, draft);
  await rm(job.modelFolder, { recursive: true, force: true });
  await mkdir(join(job.modelFolder, '..'), { recursive: true });
  await rename(draft, job.modelFolder);
  return evaluation;
}

type BaseJob = Extract<TrainJob, { kind: 'base' }>;
type AdapterJob = Extract<TrainJob, { kind: 'adapter' }>;

async function trainBaseJob(job: BaseJob, draft: string): Promise<Evaluation> {
  const startedAt = performance.now();
  const { recipe, threads } = job;
  report({ stage: 'tokenizing', step: 0, steps: recipe.steps });
  const corpus = await readCorpus(job.corpus);
  const documents = corpus.documents.map((document) => headOf(document, recipe.documentCharacters));
  const definition = trainTokenizer(documents, { vocabularySize: recipe.vocabulary });
  await writeFile(join(draft, 'tokenizer.json'), JSON.stringify(definition));
  const tokenizer = loadTokenizer(definition);
  const { training, heldOut } = encodeCorpus(tokenizer, corpus, recipe.documentCharacters);
  const config = llamaConfig({
    ...defaultDimensions,
    ...{
      width: recipe.width,
      layers: recipe.layers,
      heads: recipe.heads,
      keyValueHeads: recipe.heads,
    },
    feedForwardWidth: Math.ceil((recipe.width * 8) / 3 / 32) * 32,
    ...{
      context: recipe.contextLength,
      vocabularySize: tokenizer.vocabSize,
      separator: tokenizer.bosId,
    },
  });
  const model = await trainBase(
    {
      ...defaultBaseRecipe,
      ...{
        config,
        threads,
        seed: recipe.seed,
        context: recipe.contextLength,
        separator: tokenizer.bosId,
      },
      schedule: { ...defaultBaseRecipe.schedule, steps: recipe.steps },
    },
    training,
    hooksOf(job, recipe),
  );
  await writeModel(draft, model);
  report({ stage: 'evaluating', step: recipe.steps, steps: recipe.steps });
  const windows = evaluationWindows(heldOut, tokenizer, recipe.contextLength);
  const stream = streamOf(training, tokenizer);
  return {
    heldOutLoss: await evaluateLoss(model, windows, { threads }),
    before: Math.log(tokenizer.vocabSize),
    bigramLoss: bigramLoss(stream, windows, { vocabularySize: tokenizer.vocabSize }),
    parameters: countParameters(model.weights),
    trainingTokens: stream.length,
    seconds: (performance.now() - startedAt) / 1000,
  };
}

async function trainAdapterJob(job: AdapterJob, draft: string): Promise<Evaluation> {
  const startedAt = performance.now();
  const { recipe, threads } = job;
  report({ stage: 'tokenizing', step: 0, steps: recipe.steps });
  const tokenizer = loadTokenizer(
    JSON.parse(await readFile(join(job.baseFolder, 'tokenizer.json'), 'utf8')),
  );
  const base = await readModel(job.baseFolder);
  const encode = async (file: string) =>
    encodeCorpus(tokenizer, await readCorpus(file), recipe.documentCharacters);
  const corpus = await readCorpus(job.corpus);
  const { training, heldOut } = encodeCorpus(tokenizer, corpus, recipe.documentCharacters);
  const old = (await encode(job.baseCorpus)).training;
  const context = base.config.max_position_embeddings;
  const adapter = await trainAdapter(
    {
      ...defaultAdapterRecipe,
      ...{ threads, context, seed: recipe.seed, rank: recipe.rank, separator: tokenizer.bosId },
      schedule: { ...defaultAdapterRecipe.schedule, steps: recipe.steps },
    },
    base,
    { own: training, base: old },
    hooksOf(job, recipe),
  );
  await writeAdapter(draft, adapter, { baseModel: recipe.base });
  if (recipe.influence) {
    await trainInfluenceOf(job, { draft, base, adapter, corpus, tokenizer, old });
  }
  report({ stage: 'evaluating', step: recipe.steps, steps: recipe.steps });
  const windows = evaluationWindows(heldOut, tokenizer, context);
  const stream = streamOf(training, tokenizer);
  return {
    heldOutLoss: await evaluateLoss(mergeAdapter(base, adapter), windows, { threads }),
    before: await evaluateLoss(base, windows, { threads }),
    bigramLoss: bigramLoss(stream, windows, { vocabularySize: tokenizer.vocabSize }),
    parameters: countParameters(adapter.weights),
    trainingTokens: stream.length,
    seconds: (performance.now() - startedAt) / 1000,
  };
}

/** Adapters on random halves of the owners of what was trained on, and a feature of each of their records. */
async function trainInfluenceOf(
  { recipe, threads, groups }: AdapterJob,
  {
    draft,
    base,
    adapter,
    corpus,
    tokenizer,
    old,
  }: {
    readonly draft: string;
    readonly base: Model;
    readonly adapter: Adapter;
    readonly corpus: Corpus;
    readonly tokenizer: Tokenizer;
    readonly old: TokenData;
  },
): Promise<void> {
  const { influence } = recipe;
  if (!influence) return;
  const steps = influence.adapters * influence.steps;
  const onStep = (step: number) => {
    if (step % (REPORT_EVERY_STEPS * 8) === 0) report({ stage: 'influence', step, steps });
  };
  onStep(0);
  const learned = learnedOf(corpus, recipe.documentCharacters);
  const texts = new Map(
    learned.flatMap(({ records }) => records.map(({ hash, text }) => [hash, text])),
  );
  const own = groups
    .map((hashes) => hashes.filter((hash) => texts.has(hash)))
    .filter((hashes) => hashes.length > 0);
  if (own.length < 2) throw new Error('Influence needs the records of two owners at least.');
  const context = base.config.max_position_embeddings;
  const encoded = (documents: readonly string[]) =>
    streamOf(encodeDocuments(tokenizer, documents), tokenizer);
  const ensemble = await trainInfluence(base, adapter, {
    recipe: {
      ...defaultAdapterRecipe,
      ...{ context, threads, rank: recipe.rank, members: Math.min(8, influence.adapters) },
      schedule: { ...defaultAdapterRecipe.schedule, steps: influence.steps },
    },
    ...{ count: influence.adapters, seed: recipe.seed, groups: own },
    streamOf: (isIn) =>
      encoded(
        learned
          .map(({ records }) => ({ records: records.filter(({ hash }) => isIn(hash)) }))
          .filter(({ records }) => records.length > 0)
          .map((document) => textOf(document).toWellFormed()),
      ),
    base: streamOf(old, tokenizer),
    baseFraction: defaultAdapterRecipe.baseFraction,
    onStep,
    tokensOf: (hash) => encoded([texts.get(hash)?.toWellFormed() ?? '']),
  });
  await writeInfluence(draft, ensemble);
}

/** The documents that an adapter learns from, each record as far as the recipe reads its document. */
function learnedOf({ documents }: Corpus, characters: number): readonly CorpusDocument[] {
  const kept = documents.filter((document) => !isHeldOut(document));
  // As in `encodeCorpus`: where nothing would be left, or nothing held out, documents are not told apart by their content.
  const chosen = kept.length > 0 && kept.length < documents.length ? kept : documents;
  return chosen.map(({ records }) => {
    let room = characters;
    return {
      records: records.flatMap(({ hash, text }) => {
        const head = text.slice(0, Math.max(0, room));
        room -= text.length;
        return head.trim() === '' ? [] : [{ hash, text: head }];
      }),
    };
  });
}

/** A document's head, as long as the recipe reads. */
const headOf = (document: CorpusDocument, characters: number): string =>
  textOf(document).slice(0, characters).toWellFormed();

/**
 * A document is held out by its content: the same in every snapshot, so that what an adapter is measured on is new to
 * its base as well. Where that leaves one side empty, the last documents are held out.
 */
function encodeCorpus(
  tokenizer: Tokenizer,
  { documents }: Corpus,
  characters: number,
): { readonly training: TokenData; readonly heldOut: TokenData } {
  const encode = (chosen: readonly CorpusDocument[]) =>
    encodeDocuments(
      tokenizer,
      chosen.map((document) => headOf(document, characters)),
    );
  const training = encode(documents.filter((document) => !isHeldOut(document)));
  const heldOut = encode(documents.filter(isHeldOut));
  if (training.tokens.length > 0 && heldOut.tokens.length > 0) return { training, heldOut };
  return splitHeldOut(encode(documents), HELD_OUT_EVERY);
}

const isHeldOut = ({ records }: CorpusDocument): boolean =>
  Number.parseInt(records[0].hash.slice(0, 8), 16) % HELD_OUT_EVERY === 0;

function encodeDocuments(tokenizer: Tokenizer, texts: readonly string[]): TokenData {
  const encoded = texts.map((text) => tokenizer.encode(text));
  const tokens = new Int32Array(encoded.reduce((size, document) => size + document.length, 0));
  const documents: number[] = [];
  let at = 0;
  for (const document of encoded) {
    documents.push(at);
    tokens.set(document, at);
    at += document.length;
  }
  return { tokens, documents };
}

const streamOf = (data: TokenData, tokenizer: Tokenizer) =>
  tokenStream(data, { separator: tokenizer.bosId, vocabularySize: tokenizer.vocabSize });

const evaluationWindows = (
  heldOut: TokenData,
  tokenizer: Tokenizer,
  context: number,
): readonly Window[] =>
  fixedWindows(streamOf(heldOut, tokenizer), { context, count: EVALUATION_WINDOWS });

const countParameters = (weights: Model['weights']): number =>
  [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);

/** What is withdrawn while a run is interrupted changes its corpora: it then begins anew, without that. */
const checkpointsOf = (job: TrainJob): string =>
  join(
    ...[job.runFolder, 'checkpoints', basename(job.corpus, '.json')],
    ...(job.kind === 'adapter' ? [basename(job.baseCorpus, '.json')] : []),
  );

function hooksOf(job: TrainJob, { steps }: BaseRecipe | AdapterRecipe): TrainingHooks {
  return {
    checkpoints: { directory: checkpointsOf(job), everySteps: CHECKPOINT_EVERY_STEPS },
    onProgress: ({ step, loss, tokensPerSecond }) => {
      if (step % REPORT_EVERY_STEPS === 0 || step === steps) {
        report({ stage: 'training', step, steps, loss, tokensPerSecond });
      }
    },
  };
}

function report(
  progress: Omit<RunProgress, 'loss' | 'tokensPerSecond'> & Partial<RunProgress>,
): void {
  parent.send({ kind: 'progress', progress: { loss: null, tokensPerSecond: null, ...progress } });
}
