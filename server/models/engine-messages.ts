/** What the server and the engine process say to each other. Every request has an id; answers carry it. */

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
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string };
