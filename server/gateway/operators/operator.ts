/** An operator executes. Each kind is a file here behind this one type. */
import type { RetrievedRecord } from '../../datanets/index.ts';
import type { Usage } from '../price.ts';
import type { GenerationRequest } from '../request.ts';

export type OperatorKind = 'local' | 'openai';

export type TokenLogprob = {
  readonly token: string;
  readonly logprob: number;
  readonly top: readonly { readonly token: string; readonly logprob: number }[];
};

export type FinishReason = 'stop' | 'length' | 'content_filter';

/** Text as it comes, then exactly one end. */
export type OperatorEvent =
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly tokens: number;
      readonly logprobs: readonly TokenLogprob[];
    }
  | {
      readonly kind: 'end';
      readonly finishReason: FinishReason;
      /** As the operator counts; absent when it does not say. */
      readonly usage: Usage | undefined;
    };

export type Generation = {
  /** The operator's own name of the model. */
  readonly model: string;
  readonly request: GenerationRequest;
  readonly maxTokens: number;
  readonly retrieved: readonly RetrievedRecord[];
  /** Headers that a remote operator is sent beside its own, such as which trace this belongs to. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
};

export type Operator = {
  /** The operator's own names of the models it offers. @throws operator_failed */
  listModels(): Promise<readonly string[]>;
  /** Tokens of the whole prompt, context included; undefined when the tokenizer is not ours. */
  countPrompt(generation: Omit<Generation, 'signal'>): Promise<number | undefined>;
  generate(generation: Generation): AsyncIterable<OperatorEvent>;
};
