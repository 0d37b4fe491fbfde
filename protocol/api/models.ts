/** Operations of models: training runs, and the models that can be called. */
import { z } from 'zod';
import { Sha256Hex } from '../hash.ts';
import { idSchema } from '../ids.ts';
import { Units } from '../money.ts';
import type { Operations } from '../operations.ts';

const Time = z.iso.datetime();

/** No control characters and no lone surrogates. */
const PlainText = z.string().regex(/^[^\p{Cc}\p{Cs}]+$/u, 'Not a name.');

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{0,62}$/, 'Lower-case letters, digits, dots and dashes.');

/** Of a file that whoever runs the server has put into its folder of tokenizers. */
const TokenizerName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'Letters, digits, dots, dashes and underscores.');

/** A whole small model, trained from nothing on one snapshot. */
export const BaseRecipe = z.strictObject({
  kind: z.literal('base'),
  name,
  snapshot: idSchema('snapshot'),
  vocabulary: z.number().int().min(300).max(16_384).default(2048),
  width: z.number().int().min(16).max(512).default(128),
  layers: z.number().int().min(1).max(12).default(4),
  heads: z.number().int().min(1).max(16).default(4),
  contextLength: z.number().int().min(16).max(512).default(128),
  steps: z.number().int().min(1).max(100_000).default(2400),
  /** Only so much of each document is trained on, from its head; all of it is indexed and traced. */
  documentCharacters: z.number().int().min(100).max(1_000_000).default(24_000),
  seed: z.number().int().min(0).default(1),
});

/** A LoRA adapter on a base model, trained on another snapshot. */
export const AdapterRecipe = z.strictObject({
  kind: z.literal('adapter'),
  name,
  /** Name of the base model. */
  base: z.string().min(1).max(200),
  snapshot: idSchema('snapshot'),
  rank: z.number().int().min(1).max(64).default(8),
  steps: z.number().int().min(1).max(100_000).default(700),
  documentCharacters: z.number().int().min(100).max(1_000_000).default(24_000),
  seed: z.number().int().min(0).default(1),
  /** Trains adapters on random halves of the owners as well, so that answers are paid by influence; absent: by trace. */
  influence: z
    .strictObject({
      adapters: z.number().int().min(8).max(64).default(16),
      /** Of each of them. */
      steps: z.number().int().min(1).max(100_000).default(200),
    })
    .optional(),
});

/** What a training run is asked to do. With the engine's version it determines the result. */
export const Recipe = z.discriminatedUnion('kind', [BaseRecipe, AdapterRecipe]);
export type BaseRecipe = z.output<typeof BaseRecipe>;
export type AdapterRecipe = z.output<typeof AdapterRecipe>;
export type Recipe = z.output<typeof Recipe>;

/** Losses are in nats a token, on text that the run did not learn from. */
export const Evaluation = z.object({
  heldOutLoss: z.number(),
  /** The same text before training; for an adapter, under its base. */
  before: z.number(),
  /** The same text under an interpolated bigram of the same training text. */
  bigramLoss: z.number(),
  parameters: z.number().int(),
  trainingTokens: z.number().int(),
  seconds: z.number(),
});
export type Evaluation = z.output<typeof Evaluation>;

export const RunProgress = z.object({
  stage: z.enum(['tokenizing', 'training', 'influence', 'evaluating']),
  step: z.number().int(),
  steps: z.number().int(),
  loss: z.number().nullable(),
  tokensPerSecond: z.number().nullable(),
});
export type RunProgress = z.output<typeof RunProgress>;

export const Run = z.object({
  id: idSchema('run'),
  builderId: idSchema('party'),
  recipe: Recipe,
  status: z.enum(['queued', 'running', 'done', 'failed']),
  progress: RunProgress.optional(),
  losses: z.array(z.tuple([z.number().int(), z.number()])),
  evaluation: Evaluation.optional(),
  failure: z.string().optional(),
  /** The model it made; there once it is done. */
  modelId: idSchema('model').optional(),
  createdAt: Time,
  endedAt: Time.optional(),
});

export const Model = z.object({
  id: idSchema('model'),
  name: z.string(),
  kind: z.enum(['base', 'adapter', 'external']),
  baseId: idSchema('model').optional(),
  builderId: idSchema('party'),
  operator: z.string(),
  /** By which its tokens are counted here; absent where they are not, or the operator is this server's own engine. */
  tokenizer: z.string().optional(),
  /** Over its files; absent where they are not ours to see. */
  hash: Sha256Hex.optional(),
  /** Its lineage: the snapshots that its data leg pays. */
  snapshots: z.array(
    z.object({
      snapshotId: idSchema('snapshot'),
      hash: Sha256Hex,
      role: z.enum(['base', 'adapter']),
    }),
  ),
  /** Adapters of its ensemble for influence; 0 where it has none. */
  influenceAdapters: z.number().int().min(0),
  promptUnits: Units,
  completionUnits: Units,
  maxTokens: z.number().int(),
  createdAt: Time,
});

export const modelsOperations = {
  train: {
    summary: 'Train a base model on a snapshot, or an adapter on a base model',
    method: 'POST',
    path: '/api/models/runs',
    scope: 'build',
    input: z.object({ recipe: Recipe }),
    output: z.object({ runId: idSchema('run') }),
    status: 202,
  },
  getRun: {
    summary: 'Show a training run: progress, loss curve, evaluation',
    method: 'GET',
    path: '/api/models/runs/:runId',
    scope: 'read',
    input: z.object({ runId: idSchema('run') }),
    output: Run,
  },
  listRuns: {
    summary: 'List training runs, newest first',
    method: 'GET',
    path: '/api/models/runs',
    scope: 'read',
    input: z.object({ limit: z.coerce.number<number>().int().min(1).max(500).default(50) }),
    output: z.object({ items: z.array(Run) }),
  },
  list: {
    summary: 'List the models that can be called, with lineage and price',
    method: 'GET',
    path: '/api/models',
    scope: 'read',
    input: z.object({}),
    output: z.object({ items: z.array(Model) }),
  },
  registerExternal: {
    summary:
      'Offer a model that another operator serves; it has no registered data, and its receipts say so',
    method: 'POST',
    path: '/api/models/external',
    scope: 'operate',
    input: z.object({
      name: PlainText.max(200),
      operator: PlainText.max(100),
      operatorModel: PlainText.max(200),
      promptUnits: Units,
      completionUnits: Units,
      maxTokens: z.number().int().min(1).max(1_000_000),
      tokenizer: TokenizerName.optional(),
    }),
    output: Model,
    status: 201,
  },
} as const satisfies Operations;
