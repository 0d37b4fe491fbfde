/** What we count of a call ourselves once it has ended, and how far from that an honest operator's count may be. */
import type { ToolCall } from '@openledger/protocol';
import { contextMessage } from './context.ts';
import type { Generation } from './operators/operator.ts';
import { type Own, sumOf, toleranceOf } from './price.ts';

/** Tokens of each text, by a model's own tokenizer; undefined where it cannot tell now. */
export type CountTokens = (texts: readonly string[]) => Promise<readonly number[] | undefined>;

/** What OpenAI's own models have around each message, and before the answer. */
const [A_MESSAGE, A_PROMPT] = [3, 3];

/**
 * What the templates of other models have beyond that. Llama 3 and ChatML have 5 around each message; the system's message
 * that Llama 3.1 and Qwen 2.5 put before the others has 26 and 21.
 */
const [MORE_A_MESSAGE, MORE_A_PROMPT] = [2, 32];

type Prompt = Pick<Generation, 'request' | 'retrieved'>;

type Side = { readonly tokens: number; readonly within: number };

/**
 * Each side by the model's own tokenizer, where that tells it; else as it was counted along the way. A prompt with tools or a schema is
 * written out by the operator in a way of his own, and so is an answer that calls tools: those are not told.
 */
export async function countExactly(
  { count, generation }: { readonly count: CountTokens; readonly generation: Prompt },
  said: { readonly text: string; readonly toolCalls: readonly ToolCall[] },
  along: Own,
): Promise<Own> {
  const [prompt, answer] = await Promise.all([
    countPromptBy(count, generation),
    countAnswer(count, { ...said, stop: generation.request.stop }),
  ]);
  return {
    usage: {
      promptTokens: prompt?.tokens ?? along.usage.promptTokens,
      completionTokens: answer?.tokens ?? along.usage.completionTokens,
    },
    within: { promptTokens: prompt?.within, completionTokens: answer?.within },
  };
}

/** What was retrieved is put before the model as a message of its own. */
export async function countPromptBy(
  count: CountTokens,
  { request, retrieved }: Prompt,
): Promise<Side | undefined> {
  const { messages, tools, responseFormat } = request;
  const isPlain =
    tools.length === 0 && !responseFormat && messages.every(({ toolCalls }) => !toolCalls);
  if (!isPlain) return undefined;
  const context = contextMessage(retrieved);
  const texts = messages.map(({ content }) => content);
  const counts = await count(context === undefined ? texts : [context, ...texts]);
  if (!counts) return undefined;
  const tokens = sumOf(counts) + A_MESSAGE * counts.length + A_PROMPT;
  const more = MORE_A_MESSAGE * counts.length + MORE_A_PROMPT;
  return { tokens, within: toleranceOf(tokens) + more };
}

/** A stop sequence is generated, and not delivered. */
async function countAnswer(
  count: CountTokens,
  {
    text,
    toolCalls,
    stop,
  }: {
    readonly text: string;
    readonly toolCalls: readonly ToolCall[];
    readonly stop: readonly string[];
  },
): Promise<Side | undefined> {
  if (toolCalls.length > 0) return undefined;
  const counts = await count([text, ...stop]);
  if (!counts) return undefined;
  const [tokens, ...stops] = counts;
  return { tokens, within: toleranceOf(tokens) + Math.max(0, ...stops) };
}

/** Of texts that vectors are made of. Many models begin and end each with a token of their own. */
export async function countInputs(
  count: CountTokens,
  inputs: readonly (string | readonly number[])[],
): Promise<Own | undefined> {
  const texts = inputs.filter((input) => typeof input === 'string');
  const counts = await count(texts);
  if (!counts) return undefined;
  const given = inputs.map((input) => (typeof input === 'string' ? 0 : input.length));
  const promptTokens = sumOf(counts) + sumOf(given);
  return {
    usage: { promptTokens, completionTokens: 0 },
    within: { promptTokens: toleranceOf(promptTokens) + 2 * texts.length, completionTokens: 0 },
  };
}
