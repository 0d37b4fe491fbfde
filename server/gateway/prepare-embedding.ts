/** What one operator is asked for embeddings, at what price, and how many tokens that can be. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Directory } from './directory.ts';
import type { EmbeddingRequest } from './embedding-request.ts';
import type { InferenceRoute } from './inferences.ts';
import type { AskedOperator } from './observer.ts';
import type { EmbeddingOrder, Operator } from './operators/operator.ts';
import type { CountTokens } from './own-count.ts';
import { routeOf } from './prepare-attempts.ts';
import {
  type Counts,
  exactly,
  guessed,
  type Pricing,
  sumOf,
  tokensAbout,
  tokensAtMost,
  type Usage,
} from './price.ts';
import type { Candidate } from './routing/plan.ts';

/** One of those who may answer a call for embeddings, and its terms. */
export type EmbeddingAttempt = {
  readonly embed: NonNullable<Operator['embed']>;
  readonly order: Omit<EmbeddingOrder, 'headers' | 'signal'>;
  readonly candidate: Candidate;
  readonly asked: AskedOperator;
  readonly route: InferenceRoute;
  readonly pricing: Pricing;
  readonly atMost: Usage;
  /** By the model's own tokenizer, where that is known here. */
  readonly count: CountTokens | undefined;
};

/** @throws unprocessable where what the operator runs makes none */
export async function prepareEmbedding(
  directory: Directory,
  candidate: Candidate,
  { inputs, dimensions, encoding }: EmbeddingRequest,
): Promise<EmbeddingAttempt> {
  const { model, operator: name, operatorModel, pricing } = candidate;
  const { operator, partyId, kind, baseUrl } = await directory.operator(name);
  const { embed } = operator;
  if (!embed) {
    const sentence = `${model.name} makes no embeddings where ${name} runs it.`;
    throw new OpenLedgerError('unprocessable', sentence, { param: 'model' });
  }
  return {
    ...{ embed, candidate, pricing, atMost: countsOf(inputs).atMost },
    count: directory.counterOf(model),
    order: { model: operatorModel, inputs, dimensions, encoding },
    asked: { name, kind, baseUrl, model: operatorModel },
    route: await routeOf(directory, { candidate, partyId, made: undefined }),
  };
}

/** Tokens that the client has counted are counted; the bytes of a text bound them, as of any prompt. */
export function countsOf(inputs: EmbeddingRequest['inputs']): Omit<Counts, 'reported'> {
  const about = inputs.map((one) => (typeof one === 'string' ? tokensAbout(one) : one.length));
  const most = inputs.map((one) =>
    typeof one === 'string' ? tokensAtMost(one) : one.length + tokensAtMost(''),
  );
  return {
    own: (inputs.every((one) => typeof one !== 'string') ? exactly : guessed)({
      promptTokens: sumOf(about),
      completionTokens: 0,
    }),
    atMost: { promptTokens: sumOf(most), completionTokens: 0 },
  };
}
