/** How a served call looks in OpenAI's words: one shape for chat, one for plain completions, each whole and streamed. */
import { formatOpen, type ToolCall } from '@openledger/protocol';
import type {
  ContentEvent,
  Grounding,
  Inference,
  Serving,
  TokenLogprob,
} from '../gateway/index.ts';
import type { Answer, EndEvent } from './answer-call.ts';
import { extensionAtEnd } from './extension.ts';

export type Shape = {
  whole(serving: Serving, answer: Answer, end: EndEvent): object;
  /** Chunks before the first text. */
  opening(serving: Serving): readonly object[];
  /** @param from how many characters were sent before it */
  chunk(serving: Serving, event: ContentEvent, from: number): object;
  closing(serving: Serving, end: EndEvent): object;
  usage(serving: Serving, end: EndEvent): object;
  /** What chunks before the usage say of it, when it was asked for. */
  readonly noUsageYet: object;
};

const usageOf = ({ usage, priceUnits }: Pick<EndEvent, 'usage' | 'priceUnits'>) => ({
  prompt_tokens: usage.promptTokens,
  completion_tokens: usage.completionTokens,
  total_tokens: usage.promptTokens + usage.completionTokens,
  cost: formatOpen(priceUnits),
});

const head = (serving: Serving, prefix: string, object: string) => ({
  id: serving.inferenceId.replace(/^inf_/, prefix),
  object,
  created: Math.floor(serving.createdAt.getTime() / 1000),
  model: serving.model,
});

const logprobOf = ({ token, logprob }: { readonly token: string; readonly logprob: number }) => ({
  token,
  logprob,
  bytes: [...Buffer.from(token, 'utf8')],
});

export const tokenLogprobs = (logprobs: readonly TokenLogprob[]) =>
  logprobs.map((entry) => ({ ...logprobOf(entry), top_logprobs: entry.top.map(logprobOf) }));

const chatLogprobs = (logprobs: readonly TokenLogprob[]) =>
  logprobs.length === 0 ? null : { content: tokenLogprobs(logprobs), refusal: null };

const chatChunk = (serving: Serving, choices: readonly object[]) => ({
  ...head(serving, 'chatcmpl-', 'chat.completion.chunk'),
  choices,
});

const functionCall = ({ id, ...called }: ToolCall) => ({ id, type: 'function', function: called });

const messageOf = ({ text, toolCalls }: Answer) => ({
  role: 'assistant',
  content: text === '' && toolCalls.length > 0 ? null : text,
  refusal: null,
  ...(toolCalls.length > 0 ? { tool_calls: toolCalls.map(functionCall) } : {}),
});

function deltaOf(event: ContentEvent) {
  if (event.kind === 'text') return { content: event.text };
  const { index, id, name, arguments: written } = event;
  const begun = id === undefined ? {} : { id, type: 'function' };
  return { tool_calls: [{ index, ...begun, function: { name, arguments: written } }] };
}

export const chatShape: Shape = {
  whole: (serving, answer, end) => ({
    ...head(serving, 'chatcmpl-', 'chat.completion'),
    choices: [
      {
        index: 0,
        message: messageOf(answer),
        logprobs: chatLogprobs(answer.logprobs),
        finish_reason: end.finishReason,
      },
    ],
    usage: usageOf(end),
    openledger: extensionAtEnd(serving, end),
  }),
  opening: (serving) => [
    chatChunk(serving, [
      {
        index: 0,
        delta: { role: 'assistant', content: '', refusal: null },
        logprobs: null,
        finish_reason: null,
      },
    ]),
  ],
  chunk: (serving, event) =>
    chatChunk(serving, [
      {
        index: 0,
        delta: deltaOf(event),
        logprobs: event.kind === 'text' ? chatLogprobs(event.logprobs) : null,
        finish_reason: null,
      },
    ]),
  closing: (serving, end) => ({
    ...chatChunk(serving, [
      { index: 0, delta: {}, logprobs: null, finish_reason: end.finishReason },
    ]),
    openledger: extensionAtEnd(serving, end),
  }),
  usage: (serving, end) => ({ ...chatChunk(serving, []), usage: usageOf(end) }),
  noUsageYet: { usage: null },
};

/** Legacy log-probabilities: parallel lists, and where each token begins in the text. */
function completionLogprobs(logprobs: readonly TokenLogprob[], from: number) {
  if (logprobs.length === 0) return null;
  let offset = from;
  const offsets = logprobs.map(({ token }) => {
    const at = offset;
    offset += token.length;
    return at;
  });
  return {
    tokens: logprobs.map(({ token }) => token),
    token_logprobs: logprobs.map(({ logprob }) => logprob),
    top_logprobs: logprobs.map(({ top }) =>
      Object.fromEntries(top.map(({ token, logprob }) => [token, logprob])),
    ),
    text_offset: offsets,
  };
}

const textChunk = (serving: Serving, choices: readonly object[]) => ({
  ...head(serving, 'cmpl-', 'text_completion'),
  choices,
});

export const completionShape: Shape = {
  whole: (serving, { text, logprobs }, end) => ({
    ...textChunk(serving, [
      {
        index: 0,
        text,
        logprobs: completionLogprobs(logprobs, 0),
        finish_reason: end.finishReason,
      },
    ]),
    usage: usageOf(end),
    openledger: extensionAtEnd(serving, end),
  }),
  opening: () => [],
  chunk: (serving, event, from) =>
    textChunk(serving, [
      {
        index: 0,
        text: event.kind === 'text' ? event.text : '', // nobody offers tools on this route
        logprobs: event.kind === 'text' ? completionLogprobs(event.logprobs, from) : null,
        finish_reason: null,
      },
    ]),
  closing: (serving, end) => ({
    ...textChunk(serving, [
      { index: 0, text: '', logprobs: null, finish_reason: end.finishReason },
    ]),
    openledger: extensionAtEnd(serving, end),
  }),
  usage: (serving, end) => ({ ...textChunk(serving, []), usage: usageOf(end) }),
  noUsageYet: {}, // OpenAI's schema of this route has no null here
};

/**
 * What became of a call, for whoever lost his stream: what was delivered, what it cost, and where its receipt is. A call that is
 * still under way is `held`; one that cost nothing, since nothing was delivered, is `void`.
 */
export const generationShape = (inference: Inference, grounding: Grounding | undefined) => ({
  id: inference.inferenceId,
  object: 'generation',
  created: Math.floor(inference.createdAt.getTime() / 1000),
  model: inference.route.model,
  status: inference.status,
  ...(inference.status === 'served'
    ? {
        output: inference.output,
        tool_calls: inference.toolCalls.map(functionCall),
        finish_reason: inference.finishReason,
        usage: usageOf(inference),
        /** Tokens were counted by us: the operator did not say. */
        estimated: inference.estimated,
        openledger: extensionAtEnd(inference, { ...inference, grounding }),
      }
    : {}),
});
