/** What the server and the engine process say to each other. Every request has an id; answers carry it. */
import type { InfluenceScores } from './influence/influence-scores.ts';

/** A model as the engine finds it on disk. */
export type EngineModel = {
  /** Names this very combination of weights and corpora; another key is loaded anew. */
  readonly key: string;
  readonly baseFolder: string;
  readonly adapterFolder: string | undefined;
  /** Texts to interpolate with, one file a snapshot. */
  readonly corpora: readonly string[];
};

export type EngineGeneration = {
  readonly prompt: string;
  /** Texts put before the prompt as far as they fit. */
  readonly context: readonly string[];
  /** Records to interpolate with; empty: the engine looks for fitting ones itself. */
  readonly retrieved: readonly string[];
  readonly maxTokens: number;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly topK: number | undefined;
  readonly seed: number | undefined;
  readonly stop: readonly string[];
  readonly logprobs: number | undefined;
  /** false: the bare model, without its infinity-gram. */
  readonly interpolate: boolean;
};

/** An answer whose likelihood is asked for, once with each of some contexts. */
export type EngineAnswer = {
  readonly prompt: string;
  readonly output: string;
  /** Whether contexts are mixed in, as they were when it was generated. */
  readonly interpolate: boolean;
  /** Texts, best first; empty for the bare model. */
  readonly contexts: readonly (readonly string[])[];
};

/** An answer that records may have influenced. */
export type InfluencedAnswer = { readonly prompt: string; readonly output: string };

/** Log-likelihoods of an answer, in nats. */
export type AnswerLikelihoods = {
  /** How many tokens of it were scored. */
  readonly tokens: number;
  /** By how often each token stands in the texts that the model learned. */
  readonly unigram: number;
  /** One a context. */
  readonly likelihoods: readonly number[];
};

export type ToEngine =
  | {
      readonly kind: 'generate';
      readonly id: number;
      readonly model: EngineModel;
      readonly generation: EngineGeneration;
    }
  | {
      readonly kind: 'count';
      readonly id: number;
      readonly model: EngineModel;
      readonly generation: EngineGeneration;
    }
  | {
      readonly kind: 'score';
      readonly id: number;
      readonly model: EngineModel;
      readonly answer: EngineAnswer;
    }
  | {
      readonly kind: 'influence';
      readonly id: number;
      readonly model: EngineModel;
      readonly answer: InfluencedAnswer;
    }
  | { readonly kind: 'abort'; readonly id: number };

export type EngineLogprob = {
  readonly token: string;
  readonly logprob: number;
  readonly top: readonly { readonly token: string; readonly logprob: number }[];
};

export type EngineEvent =
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly tokens: number;
      readonly logprobs: readonly EngineLogprob[];
    }
  | {
      readonly kind: 'end';
      readonly finishReason: 'stop' | 'length';
      readonly usage: { readonly promptTokens: number; readonly completionTokens: number };
    };

export type FromEngine =
  | { readonly kind: 'event'; readonly id: number; readonly event: EngineEvent }
  | { readonly kind: 'count'; readonly id: number; readonly tokens: number }
  | { readonly kind: 'scores'; readonly id: number; readonly scores: AnswerLikelihoods }
  | { readonly kind: 'influence'; readonly id: number; readonly influence: InfluenceScores }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string };
