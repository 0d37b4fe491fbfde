/** What is calibrated on: a small base, records and queries of each contributor, and how adapters are trained. */

import type { Masks, Truth } from '../../server/compute/influence/metrics.ts';
import { createRandom, type Random } from '../../server/compute/random.ts';
import { loadTokenizer } from '../../server/compute/tokenizer/tokenizer.ts';
import { trainTokenizer } from '../../server/compute/tokenizer/train-tokenizer.ts';
import { trainBase } from '../../server/models/engine/base-trainer.ts';
import { defaultAdapterRecipe, defaultBaseRecipe } from '../../server/models/engine/defaults.ts';
import {
  type EnsembleRecipe,
  type Member,
  scoreEnsemble,
  trainEnsemble,
} from '../../server/models/engine/ensemble.ts';
import { llamaConfig } from '../../server/models/engine/llama-config.ts';
import type { Model } from '../../server/models/engine/weights.ts';
import type { Window } from '../../server/models/engine/windows.ts';
import type { Texts } from './texts.ts';

export type Size = {
  readonly players: number;
  readonly recordsEach: number;
  readonly queriesEach: number;
  readonly vocabulary: number;
  readonly context: number;
  readonly width: number;
  readonly layers: number;
  readonly baseSteps: number;
  readonly steps: number;
  /** Records of one step. */
  readonly batch: number;
  readonly members: number;
};

export type Setting = {
  readonly size: Size;
  readonly base: Model;
  readonly recipe: EnsembleRecipe;
  readonly records: readonly Window[];
  /** The player of each record. */
  readonly playerOf: readonly number[];
  /** Text of the same players that was not trained on. */
  readonly queries: readonly Window[];
  readonly threads: number;
};

export async function makeSetting(texts: Texts, size: Size): Promise<Setting> {
  const threads = 2;
  const definition = trainTokenizer(texts.base, { vocabularySize: size.vocabulary });
  const tokenizer = loadTokenizer(definition);
  const { context } = size;
  const separator = tokenizer.bosId;
  const config = llamaConfig({
    ...{ vocabularySize: tokenizer.vocabSize, separator, context, tiedEmbeddings: true },
    ...{ width: size.width, layers: size.layers, heads: 2, keyValueHeads: 2 },
    feedForwardWidth: size.width * 3,
  });
  const documents: number[] = [];
  const tokens: number[] = [];
  for (const text of texts.base.slice(0, 300)) {
    documents.push(tokens.length);
    for (const token of tokenizer.encode(text.slice(0, 6_000))) tokens.push(token);
  }
  const base = await trainBase(
    {
      ...defaultBaseRecipe,
      ...{ config, context, separator, threads, seed: 1, batch: 16 },
      schedule: { ...defaultBaseRecipe.schedule, steps: size.baseSteps },
    },
    { tokens: Int32Array.from(tokens), documents },
  );
  const cut = texts.players.map((own) => windowsOf(own.map(tokenizer.encode), size));
  return {
    ...{ size, base, threads },
    recipe: {
      ...{ rank: 4, alpha: 8, batch: size.batch, context, members: size.members, threads },
      schedule: { ...defaultAdapterRecipe.schedule, steps: size.steps, peakLearningRate: 4e-3 },
      optimiser: defaultAdapterRecipe.optimiser,
    },
    records: cut.flatMap(({ records }) => records),
    playerOf: cut.flatMap(({ records }, player) => records.map(() => player)),
    queries: cut.flatMap(({ queries }) => queries),
  };
}

/** Evenly spread over a player's windows, records and queries in turn, none of them twice. */
function windowsOf(
  documents: readonly (readonly number[])[],
  { recordsEach, queriesEach, context }: Size,
): { readonly records: readonly Window[]; readonly queries: readonly Window[] } {
  const all: Window[] = [];
  for (const tokens of documents)
    for (let at = 0; at + context < tokens.length; at += context + 1)
      all.push(Int32Array.from(tokens.slice(at, at + context + 1)));
  const wanted = recordsEach + queriesEach;
  if (all.length < wanted) throw new Error(`A player has ${all.length} windows, not ${wanted}.`);
  const chosen = Array.from(
    { length: wanted },
    (_, i) => all[Math.floor((i * all.length) / wanted)],
  );
  const isQuery = (i: number) =>
    Math.floor(((i + 1) * queriesEach) / wanted) > Math.floor((i * queriesEach) / wanted);
  return {
    records: chosen.filter((_, i) => !isQuery(i)),
    queries: chosen.filter((_, i) => isQuery(i)),
  };
}

/** Trains on a subset of the records as on all of them: as many steps, each window drawn anew until it is in the subset. */
export function memberOf({ records }: Setting, mask: Uint8Array, seed: number): Member {
  return {
    seed,
    nextWindow: (random: Random) => {
      for (;;) {
        const record = random.below(records.length);
        if (mask[record] === 1) return records[record];
      }
    },
  };
}

/** Each query's log-likelihood after training on each subset of the records, with this seed. */
export async function retrain(setting: Setting, masks: Masks, seed: number): Promise<Truth> {
  const members = masks.map((mask) => memberOf(setting, mask, seed));
  const { adapters } = await trainEnsemble(setting.base, setting.recipe, members);
  const values = await scoreEnsemble(setting.base, adapters, setting.queries, setting);
  return setting.queries.map((_, query) => Float64Array.from(values, (row) => row[query]));
}

/** A player's absence is that of all its records. */
export const ofPlayers = ({ playerOf }: Setting, masks: Masks): Masks =>
  masks.map((mask) => Uint8Array.from(playerOf, (player) => mask[player]));

export const seededBelow = (seed: number) => createRandom(seed).below;
