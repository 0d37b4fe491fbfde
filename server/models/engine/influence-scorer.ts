/** How far training on each group of records, and on each of its records, moved the likelihood of one answer. */
import { countSketch } from '../../compute/influence/count-sketch.ts';
import { openSession, type Session } from '../../compute/tensor/session.ts';
import type { Tokenizer } from '../../compute/tokenizer/tokenizer.ts';
import { type InfluenceScores, influenceScores } from '../influence/influence-scores.ts';
import type { Adapter } from './adapter.ts';
import { joined, stack } from './ensemble.ts';
import { ensembleGradientGraph, ensembleScoringGraph } from './ensemble-graph.ts';
import { type InfluenceEnsemble, SKETCH } from './influence-ensemble.ts';
import { answerTokens, promptTokens } from './prompt-tokens.ts';
import type { Model } from './weights.ts';
import { toBatch } from './windows.ts';

export type InfluenceScorer = {
  /** @throws invalid_input for an answer without tokens */
  score(answer: { readonly prompt: string; readonly output: string }): Promise<InfluenceScores>;
};

/** Adapters scored at once. */
const MEMBERS = 8;

/** The graphs are compiled when they are first needed: most models are never asked. */
export function createInfluenceScorer(
  base: Model,
  {
    served,
    ensemble,
    tokenizer,
  }: {
    readonly served: Adapter;
    readonly ensemble: InfluenceEnsemble;
    readonly tokenizer: Tokenizer;
  },
): InfluenceScorer {
  const context = base.config.max_position_embeddings;
  const members = Math.min(MEMBERS, ensemble.adapters.length);
  let scoring: Promise<Session> | undefined;
  let slopes: Promise<Session> | undefined;

  async function logLikelihoods(window: Int32Array, isAnswer: Float32Array): Promise<Float64Array> {
    scoring ??= openSession(ensembleScoringGraph(base, served, { members, batch: 1, context }), {
      threads: 1,
    });
    const session = await scoring;
    const { adapters } = ensemble;
    const found = new Float64Array(adapters.length);
    const windows = Array.from({ length: members }, () => window);
    for (let first = 0; first < adapters.length; first += members) {
      const chosen = Array.from(
        { length: members },
        (_, i) => adapters[Math.min(first + i, adapters.length - 1)],
      );
      const { losses } = await session.run({ ...stack(chosen), ...toBatch(windows) });
      for (let i = 0; i < Math.min(members, adapters.length - first); i++) {
        for (let at = 0; at < context; at++) {
          if (isAnswer[at] > 0) found[first + i] -= losses[i * context + at];
        }
      }
    }
    return found;
  }

  async function gradient(window: Int32Array, mask: Float32Array): Promise<Float64Array> {
    slopes ??= openSession(ensembleGradientGraph(base, served, { members: 1, batch: 1, context }), {
      threads: 1,
    });
    const session = await slopes;
    const found = await session.run({ ...stack([served]), ...toBatch([window]), mask });
    return joined([...served.weights.keys()].map((name) => found[`slope.${name}`]));
  }

  return {
    async score({ prompt, output }) {
      const answer = answerTokens(tokenizer, output, context);
      const before = promptTokens(
        tokenizer,
        { prompt, context: [], maxTokens: answer.length },
        context,
      );
      const window = new Int32Array(context + 1); // what follows the answer is not looked at
      window.set([...before, ...answer].slice(0, context + 1));
      const isAnswer = new Float32Array(context).fill(
        1,
        before.length - 1,
        before.length - 1 + answer.length,
      );
      const likelihoods = await logLikelihoods(window, isAnswer);
      const feature = countSketch(await gradient(window, isAnswer), SKETCH);
      const inside = Float64Array.from(ensemble.features, (record) =>
        record.reduce((sum, value, i) => sum + value * feature[i], 0),
      );
      return influenceScores({ ...ensemble, logLikelihoods: likelihoods, inside });
    },
  };
}
