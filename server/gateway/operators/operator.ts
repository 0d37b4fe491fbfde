/** An operator executes. Each kind is a file here behind this one type. */
import type { ToolCall, Vector } from '@openledger/protocol';
import type { RetrievedRecord } from '../../datanets/index.ts';
import type { EmbeddingRequest } from '../embedding-request.ts';
import type { Usage } from '../price.ts';
import type { GenerationRequest } from '../request.ts';

export type OperatorKind = 'local' | 'openai' | 'vllm' | 'llama.cpp' | 'ollama' | 'anthropic';

export type TokenLogprob = {
  readonly token: string;
  readonly logprob: number;
  readonly top: readonly { readonly token: string; readonly logprob: number }[];
};

export type FinishReason = 'stop' | 'length' | 'content_filter' | 'tool_calls';

/** Part of an answer. */
export type ContentEvent =
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly tokens: number;
      readonly logprobs: readonly TokenLogprob[];
    }
  /** A piece of a tool's call: the first of each index names the tool, what follows adds to its arguments. */
  | {
      readonly kind: 'tool_call';
      /** Counts the calls of an answer from 0, without gaps. */
      readonly index: number;
      readonly id: string | undefined;
      readonly name: string | undefined;
      readonly arguments: string;
      readonly tokens: number;
    };

/** Content as it comes, then exactly one end. */
export type OperatorEvent =
  | ContentEvent
  | {
      readonly kind: 'end';
      readonly finishReason: FinishReason;
      /** Which of the client's stop sequences ended it, where the operator says so. */
      readonly stopSequence?: string | undefined;
      /** As the operator counts; absent when it does not say. */
      readonly usage: Usage | undefined;
    };

export type Generation = {
  /** The operator's own name of the model. */
  readonly model: string;
  readonly request: GenerationRequest;
  readonly maxTokens: number;
  readonly retrieved: readonly RetrievedRecord[];
  /** false: the answer may come in one piece. */
  readonly stream: boolean;
  /** Headers that a remote operator is sent beside its own, such as which trace this belongs to. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
};

export type Operator = {
  /** The operator's own names of the models it offers. @throws operator_failed */
  listModels(): Promise<readonly string[]>;
  /**
   * Tokens of the whole prompt, context included; undefined when the tokenizer is not ours.
   *
   * @throws unprocessable for what this operator cannot do
   */
  countPrompt(generation: Omit<Generation, 'signal' | 'stream'>): Promise<number | undefined>;
  /** Tokens that it may put before the model of its own, beside the prompt's texts; none where this is left out. */
  ownTokensAtMost?(request: GenerationRequest): number;
  generate(generation: Generation): AsyncIterable<OperatorEvent>;
  /** Makes vectors; left out where this kind of operator cannot. */
  embed?(order: EmbeddingOrder): AsyncIterable<EmbeddingEvent>;
};

export type EmbeddingOrder = Pick<EmbeddingRequest, 'inputs' | 'dimensions' | 'encoding'> &
  Pick<Generation, 'model' | 'headers' | 'signal'>;

/** All vectors in one piece, then the end. */
export type EmbeddingEvent =
  | {
      readonly kind: 'vectors';
      /** One an input, in their order: finite in single precision, all of one length, and of the one that was asked for. */
      readonly vectors: readonly Vector[];
    }
  | {
      readonly kind: 'end';
      readonly finishReason: 'stop';
      /** As the operator counts; absent when it does not say. */
      readonly usage: Usage | undefined;
    };

/** The calls that the pieces add up to. */
export function toolCallsOf(events: readonly ContentEvent[]): readonly ToolCall[] {
  const calls: ToolCall[] = [];
  for (const event of events) addPiece(calls, event);
  return calls;
}

/** @throws TypeError when a first piece does not name its tool: operators' files see to that */
export function addPiece(calls: ToolCall[], event: ContentEvent): void {
  if (event.kind !== 'tool_call') return;
  const call = calls[event.index];
  if (call) calls[event.index] = { ...call, arguments: call.arguments + event.arguments };
  else {
    const { id, name, arguments: first } = event;
    calls[event.index] = { id: id as string, name: name as string, arguments: first };
  }
}
