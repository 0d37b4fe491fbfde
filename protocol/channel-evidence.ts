/**
 * Evidence of the channels beside the trace: log-likelihoods that an engine measured, as a receipt commits to them.
 *
 * A score is a log-likelihood of the delivered output in whole 2^-20 nats, rounded once when it was measured. Whatever
 * follows from scores follows in whole numbers (`channels.ts`), so a verifier needs no engine; `replay` measures again.
 */
import { z } from 'zod';
import { Sha256Hex } from './hash.ts';
import { idSchema } from './ids.ts';
import { Ppm } from './policy.ts';

/** One nat. */
export const SCORE_PER_NAT = 2 ** 20;

/** Rounds a measured log-likelihood to a score; this is the only rounding of a float on the way to money. */
export const scoreOf = (nats: number): number => Math.round(nats * SCORE_PER_NAT);

/**
 * How far two measurements of one answer on one engine may lie apart, in scores a token: floats are added in another order where
 * passes are batched otherwise.
 */
export const REPLAY_TOLERANCE_PER_TOKEN = 64;

const Count = z.number().int().min(0);
const Score = z.number().int();

/** A record that a channel names, by the snapshot through which it takes part. */
const NamedRecord = z.strictObject({ record: Sha256Hex, snapshot: idSchema('snapshot') });

/** How likely the output is to the bare base model, and to it with adapter, with context, and with both. */
export const GameEvidence = z.strictObject({
  algorithm: z.literal('likelihood-game-1'),
  kind: z.literal('contributive'),
  /** By how often each token stands in the model's own texts, and nothing else. */
  unigram: Score,
  none: Score,
  /** null where there is no adapter; so are the others where their part is missing. */
  adapter: Score.nullable(),
  context: Score.nullable(),
  both: Score.nullable(),
});
export type GameEvidence = z.output<typeof GameEvidence>;

/** The most owners whose every coalition is scored: 32 passes. */
export const MOST_SHAPLEY_OWNERS = 5;

/** An owner of retrieved records: all those that have the same entitlement vector. */
const ContextOwner = z.strictObject({ records: z.array(NamedRecord).min(1) });

/**
 * What the output is worth to the model that answered, with the records of some owners in its context.
 *
 * `context-shapley-1`: one score a coalition; owner i is in coalition c where bit i of c is set.
 * `context-ends-1`: without context, with all of it, then with each owner alone, then with all but each.
 */
export const ContextEvidence = z
  .strictObject({
    algorithm: z.enum(['context-shapley-1', 'context-ends-1']),
    kind: z.literal('contributive'),
    owners: z.array(ContextOwner).min(1).max(100),
    scores: z.array(Score),
  })
  .refine(({ algorithm, owners, scores }) => scores.length === scoresNeeded(algorithm, owners), {
    path: ['scores'],
    error: 'Not as many scores as the owners need.',
  });
export type ContextEvidence = z.output<typeof ContextEvidence>;

function scoresNeeded(
  algorithm: 'context-shapley-1' | 'context-ends-1',
  { length }: readonly unknown[],
): number {
  if (algorithm === 'context-ends-1') return 2 * length + 2;
  return length <= MOST_SHAPLEY_OWNERS ? 2 ** length : Number.NaN;
}

/** The most records that one receipt names for influence: each stands in the bundle with its proof. */
export const MOST_INFLUENCE_RECORDS = 64;

/** How much training on groups of records, and on records inside them, raised the output's log-likelihood. */
export const InfluenceEvidence = z.strictObject({
  /** The method and its version, as the source of the scores names it. */
  algorithm: z.string().regex(/^[a-z0-9][a-z0-9.+-]{0,99}$/),
  kind: z.literal('contributive'),
  /** Scoring passes: one for each adapter of the ensemble. */
  adapters: Count,
  groups: z.array(
    z.strictObject({
      score: Score,
      /** Sorted by hash; each raised it. */
      records: z.array(z.strictObject({ ...NamedRecord.shape, score: z.number().int().min(1) })),
      /** The sum of the raising records that are not named. */
      rest: Count,
    }),
  ),
});
export type InfluenceEvidence = z.output<typeof InfluenceEvidence>;

/** Whether this inference was measured, and how likely that was. */
export const Draw = z.strictObject({
  /** What measuring it takes. */
  passes: z.number().int().min(1),
  /** Of them, those of the model's ensemble for influence; 0 where it has none. */
  adapters: Count,
  ppm: Ppm,
  /** The log's head that decided; null where the policy's share of the price pays for measuring it anyway. */
  checkpoint: z.strictObject({ size: Count, root: Sha256Hex }).nullable(),
});
export type Draw = z.output<typeof Draw>;

export const CHANNELS_VERSION = 'channels-1';

export const ChannelEvidence = z.strictObject({
  version: z.literal(CHANNELS_VERSION),
  draw: Draw,
  /** null where the draw fell on another inference. */
  scores: z
    .strictObject({
      /** Tokens of the output, as the engine counts them. */
      tokens: z.number().int().min(1),
      game: GameEvidence,
      /** null where nothing was retrieved that may still be credited. */
      context: ContextEvidence.nullable(),
      /** null where the model has no influence scores. */
      influence: InfluenceEvidence.nullable(),
    })
    .nullable(),
});
export type ChannelEvidence = z.output<typeof ChannelEvidence>;
export type ChannelScores = NonNullable<ChannelEvidence['scores']>;

/** Every record that a channel names, in the order of the evidence; a record may stand there twice. */
export function recordsOfChannels(
  evidence: ChannelEvidence | undefined,
): readonly z.output<typeof NamedRecord>[] {
  const { context, influence } = evidence?.scores ?? {};
  return [...(context?.owners ?? []), ...(influence?.groups ?? [])].flatMap(({ records }) =>
    records.map(({ record, snapshot }) => ({ record, snapshot })),
  );
}
