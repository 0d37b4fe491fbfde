/**
 * What a call may cost, worked out again from what each side saw. It shares no code with the gateway: the rules are those of
 * docs/concepts/charges.md.
 */
import type { Reported } from '../harness/mock-operator/journal.ts';
import { countWords } from '../harness/mock-operator/prompt.ts';

export type Counted = { readonly promptTokens: number; readonly completionTokens: number };

type Delivered = {
  /** The messages' texts, and the text that was handed on. */
  readonly prompt: readonly string[];
  readonly text: string;
  /** The most that was asked for. */
  readonly maxTokens: number;
  /** Whether the operator was asked for a stream: its words are counted, where those of one piece are guessed. */
  readonly stream: boolean;
};

const bytesOf = (text: string): number => Buffer.byteLength(text, 'utf8');
const aQuarter = (text: string): number => Math.ceil(bytesOf(text) / 4);
const sum = (counts: readonly number[]): number =>
  counts.reduce((total, count) => total + count, 0);

/** A break-off's: a quarter of the prompt's bytes, message by message, and the events that were handed on. */
export function ownCount({ prompt, text, maxTokens, stream }: Delivered): Counted {
  const tokens = stream ? countWords(text) : aQuarter(text);
  return {
    promptTokens: sum(prompt.map(aQuarter)),
    completionTokens: Math.min(tokens, maxTokens, bytesOf(text) + 16),
  };
}

/** A normal end's: the operator's last count that is one, within what the texts can be; ours where there is none. */
export function countAtEnd(reported: readonly Reported[], delivered: Delivered): Counted {
  const { prompt, text, maxTokens } = delivered;
  const said = reported.findLast(
    (usage) => isCount(usage.prompt_tokens) && isCount(usage.completion_tokens),
  );
  if (!said) return ownCount(delivered);
  const most = sum(prompt.map((one) => bytesOf(one) + 16));
  return {
    promptTokens: Math.min(Number(said.prompt_tokens), most),
    completionTokens: Math.min(Number(said.completion_tokens), maxTokens, bytesOf(text) + 16),
  };
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;

export const isSame = (one: Counted, other: Counted): boolean =>
  one.promptTokens === other.promptTokens && one.completionTokens === other.completionTokens;

export const priceOf = (
  { promptUnits, completionUnits }: { promptUnits: bigint; completionUnits: bigint },
  { promptTokens, completionTokens }: Counted,
): bigint => promptUnits * BigInt(promptTokens) + completionUnits * BigInt(completionTokens);
