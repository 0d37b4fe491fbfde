/** How a served call looks in OpenAI's words: one shape for chat, one for plain completions, each whole and streamed. */
import { formatOpen, receiptIdOf } from '@openledger/protocol';
import type { Inference, ServedEvent, Serving, TokenLogprob } from '../gateway/index.ts';

type TextEvent = Extract<ServedEvent, { kind: 'text' }>;
type EndEvent = Extract<ServedEvent, { kind: 'end' }>;

export type Shape = {
  whole(serving: Serving, texts: readonly TextEvent[], end: EndEvent): object;
  /** Chunks before the first text. */
  opening(serving: Serving): readonly object[];
  /** @param from how many characters were sent before it */
  chunk(serving: Serving, event: TextEvent, from: number): object;
  closing(serving: Serving, end: EndEvent): object;
  usage(serving: Serving, end: EndEvent): object;
  /** What chunks before the usage say of it, when it was asked for. */
  readonly noUsageYet: object;
};

/**
 * What OpenLedger adds to an answer: which inference it was, its receipt, the receipt of the call that made the answer where
 * it is given again, and the records that were put before the model.
 */
export const extensionOf = ({
  inferenceId,
  cachedFrom,
  retrieved,
}: Pick<Inference, 'inferenceId' | 'cachedFrom' | 'retrieved'>) => ({
  inference: inferenceId,
  receipt: receiptIdOf(inferenceId),
  cachedFrom: cachedFrom && receiptIdOf(cachedFrom),
  retrieved: retrieved.map(({ recordHash, snapshotId }) => ({
    record: recordHash,
    snapshot: snapshotId,
  })),
});

const joined = (texts: readonly TextEvent[]): string => texts.map((event) => event.text).join('');

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

const chatLogprobs = (logprobs: readonly TokenLogprob[]) =>
  logprobs.length === 0
    ? null
    : {
        content: logprobs.map((entry) => ({
          ...logprobOf(entry),
          top_logprobs: entry.top.map(logprobOf),
        })),
        refusal: null,
      };

const chatChunk = (serving: Serving, choices: readonly object[]) => ({
  ...head(serving, 'chatcmpl-', 'chat.completion.chunk'),
  choices,
});

export const chatShape: Shape = {
  whole: (serving, texts, end) => ({
    ...head(serving, 'chatcmpl-', 'chat.completion'),
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: joined(texts), refusal: null },
        logprobs: chatLogprobs(texts.flatMap((event) => event.logprobs)),
        finish_reason: end.finishReason,
      },
    ],
    usage: usageOf(end),
    openledger: { ...extensionOf(serving), price: formatOpen(end.priceUnits) },
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
        delta: { content: event.text },
        logprobs: chatLogprobs(event.logprobs),
        finish_reason: null,
      },
    ]),
  closing: (serving, end) => ({
    ...chatChunk(serving, [
      { index: 0, delta: {}, logprobs: null, finish_reason: end.finishReason },
    ]),
    openledger: { ...extensionOf(serving), price: formatOpen(end.priceUnits) },
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
  whole: (serving, texts, end) => ({
    ...textChunk(serving, [
      {
        index: 0,
        text: joined(texts),
        logprobs: completionLogprobs(
          texts.flatMap((event) => event.logprobs),
          0,
        ),
        finish_reason: end.finishReason,
      },
    ]),
    usage: usageOf(end),
    openledger: { ...extensionOf(serving), price: formatOpen(end.priceUnits) },
  }),
  opening: () => [],
  chunk: (serving, event, from) =>
    textChunk(serving, [
      {
        index: 0,
        text: event.text,
        logprobs: completionLogprobs(event.logprobs, from),
        finish_reason: null,
      },
    ]),
  closing: (serving, end) => ({
    ...textChunk(serving, [
      { index: 0, text: '', logprobs: null, finish_reason: end.finishReason },
    ]),
    openledger: { ...extensionOf(serving), price: formatOpen(end.priceUnits) },
  }),
  usage: (serving, end) => ({ ...textChunk(serving, []), usage: usageOf(end) }),
  noUsageYet: {}, // OpenAI's schema of this route has no null here
};

/**
 * What became of a call, for whoever lost his stream: what was delivered, what it cost, and where its receipt is. A call that is
 * still under way is `held`; one that cost nothing, since nothing was delivered, is `void`.
 */
export const generationShape = (inference: Inference) => ({
  id: inference.inferenceId,
  object: 'generation',
  created: Math.floor(inference.createdAt.getTime() / 1000),
  model: inference.route.model,
  status: inference.status,
  ...(inference.status === 'served'
    ? {
        output: inference.output,
        finish_reason: inference.finishReason,
        usage: usageOf(inference),
        /** Tokens were counted by us: the operator did not say. */
        estimated: inference.estimated,
        openledger: {
          ...extensionOf(inference),
          price: formatOpen(inference.priceUnits),
        },
      }
    : {}),
});
