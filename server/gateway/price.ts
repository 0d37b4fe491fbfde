/** What a call costs, at most and in the end. What a token costs is said by its terms (`terms.ts` of the protocol). */
import { type Pricing, priceOf, type TokenUsage } from '@openledger/protocol';

export type { Pricing } from '@openledger/protocol';

export type Usage = TokenUsage;

/** What the dearest of those who may answer costs at most, and how many tokens there can be whoever does. */
export function mostOf(terms: readonly { readonly pricing: Pricing; readonly atMost: Usage }[]): {
  readonly heldUnits: bigint;
  readonly atMost: Usage;
} {
  const prices = terms.map(({ pricing, atMost }) => priceOf(pricing, atMost));
  const usages = terms.map(({ atMost }) => atMost);
  return {
    heldUnits: prices.reduce((most, price) => (price > most ? price : most), 0n),
    atMost: {
      promptTokens: Math.max(...usages.map(({ promptTokens }) => promptTokens)),
      completionTokens: Math.max(...usages.map(({ completionTokens }) => completionTokens)),
    },
  };
}

/** Our count of a call. */
export type Own = {
  readonly usage: Usage;
  /** How far from it an honest operator's may be, a side each; undefined where ours is a guess. */
  readonly within: { readonly [Side in keyof Usage]: number | undefined };
};

/** Not by the model's own tokenizer. */
export const guessed = (usage: Usage): Own => ({ usage, within: NOWHERE });

const NOWHERE = { promptTokens: undefined, completionTokens: undefined };

/** By the model's own tokenizer, all that it reads and writes. */
export const exactly = (usage: Usage): Own => ({
  usage,
  within: {
    promptTokens: toleranceOf(usage.promptTokens),
    completionTokens: toleranceOf(usage.completionTokens),
  },
});

/** Operators count a begin and an end of a message, and we may not. */
export const toleranceOf = (tokens: number): number => Math.max(2, Math.ceil(tokens * 0.02));

/** How a call's tokens may be known. */
export type Counts = {
  /** By the operator, at a normal end; 0 is a value, not a missing one. */
  readonly reported: Usage | undefined;
  /** By us. */
  readonly own: Own;
  /** What the hold was taken for, and what the delivered text can have been. */
  readonly atMost: Usage;
};

export type Metered = {
  readonly usage: Usage;
  /** Nobody counted this with the model's tokenizer, or the counts disagree, so the payer may dispute it. */
  readonly estimated: boolean;
  /** The operator counts more than an honest one can, as far as ours tells. */
  readonly overstated: boolean;
};

const sides = ['promptTokens', 'completionTokens'] as const;

/**
 * The usage that is recorded and paid: the operator's count, else ours. On a side where ours is by the model's own tokenizer and they
 * differ by more than they may, the lower of both; in any case at most what was held for and what the delivered text can
 * be. So the price always is the usage's price.
 */
export function meter({ reported, own: { usage: own, within }, atMost }: Counts): Metered {
  const counted = reported ?? own;
  const differs = (side: keyof Usage, by: number) =>
    by > (within[side] ?? Number.POSITIVE_INFINITY);
  const isOver = (side: keyof Usage) => differs(side, counted[side] - own[side]);
  // A count of zero is a value; a lower one than ours stands, and says that it is not ours.
  const isUnder = (side: keyof Usage) =>
    counted[side] > 0 && differs(side, own[side] - counted[side]);
  const paid = (side: keyof Usage) =>
    Math.min(isOver(side) ? own[side] : counted[side], atMost[side]);
  const usage = { promptTokens: paid('promptTokens'), completionTokens: paid('completionTokens') };
  const isGuess = !reported && sides.some((side) => within[side] === undefined);
  return {
    usage,
    estimated: isGuess || sides.some((side) => usage[side] < counted[side] || isUnder(side)),
    overstated: sides.some(isOver),
  };
}

/**
 * A token is at least one byte of UTF-8 in every tokenizer in use, so the bytes bound the tokens of a text
 * whose tokenizer we do not have. The 16 are for what a chat template puts around a message.
 */
export const tokensAtMost = (text: string): number => Buffer.byteLength(text, 'utf8') + 16;

/** A guess for the same texts: English and code run at about four bytes a token. */
export const tokensAbout = (text: string): number =>
  tokensInBytesAbout(Buffer.byteLength(text, 'utf8'));

export const tokensInBytesAbout = (bytes: number): number => Math.ceil(bytes / 4);

export const sumOf = (tokens: readonly number[]): number => tokens.reduce((sum, n) => sum + n, 0);
