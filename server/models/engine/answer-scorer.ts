/**
 * How likely a model finds a given answer, with one context or another before it: the forward passes of attribution's
 * channels.
 *
 * A context acts here as it does when an answer is generated: the head of its first text stands before the prompt, and
 * what follows in its texts is mixed in with the same weights (`sample.ts`). The texts that the model learned are not
 * mixed in: without context this is the bare model. Nothing is cooled, cut or banned, so every token has a probability.
 */
import { buildInfinityGram, nextTokens } from '../../compute/infinity-gram.ts';
import type { Tokenizer } from '../../compute/tokenizer/tokenizer.ts';
import type { AnswerLikelihoods, EngineAnswer } from '../engine-messages.ts';
import { type Datastore, LONGEST_MATCH } from './datastore.ts';
import { answerTokens, promptTokens } from './prompt-tokens.ts';
import { interpolationWeight } from './sample.ts';
import { createScorer, type Scorer } from './score.ts';
import type { Model } from './weights.ts';

export type AnswerScorer = {
  /** @throws invalid_input for an answer without tokens */
  score(answer: EngineAnswer): Promise<AnswerLikelihoods>;
};

/** Contexts scored at once. */
const BATCH = 4;

export function createAnswerScorer(
  { config, weights }: Model,
  {
    tokenizer,
    datastore,
  }: { readonly tokenizer: Tokenizer; readonly datastore: Pick<Datastore, 'unigram'> },
): AnswerScorer {
  const maxLength = config.max_position_embeddings;
  let compiled: Promise<Scorer> | undefined; // most models are never asked

  return {
    async score({ prompt, output, interpolate, contexts }) {
      const answer = answerTokens(tokenizer, output, maxLength);
      const texts = contexts.map((context) => ({
        context,
        prompt: promptTokens(tokenizer, { prompt, context, maxTokens: answer.length }, maxLength),
      }));
      compiled ??= createScorer(config, { batch: BATCH, context: maxLength, threads: 1 });
      const scorer = await compiled;
      const rows = await scorer.logLikelihoods(
        weights,
        texts.map((text) => [...text.prompt, ...answer]),
      );
      return {
        tokens: answer.length,
        unigram: sum(answer.map((token) => datastore.unigram(token))),
        likelihoods: texts.map((text, i) => {
          const bare = rows[i].subarray(text.prompt.length - 1);
          if (!interpolate || text.context.length === 0) return sum(bare);
          return mixed(bare, { ...text, answer, tokenizer });
        }),
      };
    },
  };
}

type Mixing = {
  readonly context: readonly string[];
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
  readonly tokenizer: Tokenizer;
};

/** @param bare the model's own log-probability of each token of the answer */
function mixed(bare: Float32Array, { context, prompt, answer, tokenizer }: Mixing): number {
  const gram = buildInfinityGram(
    context.map((text) => tokenizer.encode(text)),
    { vocabSize: tokenizer.vocabSize, separatorId: tokenizer.bosId },
  );
  const tokens = [...prompt];
  let nats = 0;
  for (const [i, token] of answer.entries()) {
    const next = nextTokens(gram, tokens, { maxLength: LONGEST_MATCH });
    const lambda =
      next.matchLength > 0 && next.total > 0 ? interpolationWeight(next.matchLength) : 0;
    const counted = lambda === 0 ? 0 : (next.counts.get(token) ?? 0) / next.total;
    nats += Math.log((1 - lambda) * Math.exp(bare[i]) + lambda * counted);
    tokens.push(token);
  }
  return nats;
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const one of numbers) total += one;
  return total;
}
