/** A generation to be served, whatever surface it came by: the one shape that the rest of the gateway works on. */
import {
  canonicalize,
  clientTextsOf,
  type Id,
  type RequestDocument,
  type ToolCall,
} from '@openledger/protocol';
import type { Route } from './routing/plan.ts';

export type Message = {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  /** What an assistant had asked for. */
  readonly toolCalls?: readonly ToolCall[];
  /** The call that a tool's message answers. */
  readonly toolCallId?: string;
  /** That the tool failed, and its message says how. */
  readonly isError?: true;
};

/** A function that the model may ask its client to call. */
export type Tool = {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of its arguments. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly strict?: boolean;
};

export type ToolChoice = 'none' | 'auto' | 'required' | { readonly name: string };

/** Passed through: whether the answer keeps to it is the operator's word. */
export type ResponseFormat =
  | { readonly type: 'json_object' }
  | {
      readonly type: 'json_schema';
      readonly name: string;
      readonly description?: string;
      readonly schema?: Readonly<Record<string, unknown>>;
      readonly strict?: boolean;
    };

export type GenerationRequest = {
  readonly kind: 'chat' | 'completion';
  readonly model: string;
  /** Models to ask where no operator of that one answers, in this order. */
  readonly fallbacks: readonly string[];
  readonly route: Route;
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice | undefined;
  /** Whether it may ask for several calls at once; undefined: as the operator does. */
  readonly parallelToolCalls: boolean | undefined;
  /** undefined: plain text. */
  readonly responseFormat: ResponseFormat | undefined;
  readonly maxTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly topK: number | undefined;
  readonly seed: number | undefined;
  readonly stop: readonly string[];
  /** How many alternatives to report beside each token; undefined = no log-probabilities. */
  readonly logprobs: number | undefined;
  readonly context: {
    readonly datanets: readonly Id<'datanet'>[];
    readonly records: number;
    /** Tokens of `words-1` that the records put into the prompt may have together. */
    readonly tokens: number;
    readonly payUpTo: bigint;
  };
  /** Whether an answer that was given before will do; shared: also one that another payer had made, and who shares too. */
  readonly cache: boolean | 'shared';
  readonly interpolate: boolean;
};

/** What the receipt commits to, and whose words are an echo where an answer repeats them. */
export function documentOf(request: GenerationRequest): {
  readonly text: string;
  readonly clientTexts: readonly string[];
} {
  const { kind, model, messages, tools, responseFormat } = request;
  const document: RequestDocument = {
    ...{ kind, model },
    messages: messages.map(({ role, content, toolCalls, toolCallId, isError }) => ({
      ...{ role, content: storable(content), toolCallId, isError },
      toolCalls: toolCalls?.map((call) => ({ ...call, arguments: storable(call.arguments) })),
    })),
    tools: tools.length > 0 ? tools.map((tool) => JSON.stringify(tool)) : undefined,
    responseFormat: responseFormat && JSON.stringify(responseFormat),
  };
  return { text: canonicalize(document), clientTexts: clientTextsOf(document).map(storable) };
}

/** PostgreSQL stores neither NUL nor lone surrogates. */
export const storable = (text: string): string => text.replaceAll('\0', '\ufffd').toWellFormed();
