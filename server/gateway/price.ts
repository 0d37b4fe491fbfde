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

/** How a call's tokens may be known. */
export type Counts = {
  /** By the operator, at a normal end; 0 is a value, not a missing one. */
  readonly reported: Usage | undefined;
  /** By us. */
  readonly own: Usage;
  /** Whether ours is by the model's own tokenizer. */
  readonly isOwnExact: boolean;
  /** What the hold was taken for, and what the delivered text can have been. */
  readonly atMost: Usage;
};

/**
 * The usage that is recorded and paid: the operator's count, else ours. Where ours is by the model's own tokenizer and they
 * differ by more than the tolerance, the lower of both; otherwise at most what was held for and what the delivered text can
 * be. So the price always is the usage's price.
 *
 * @returns estimated: nobody counted this with the model's tokenizer, or the counts disagree, so the payer may dispute it
 */
export function meter({ reported, own, isOwnExact, atMost }: Counts): {
  readonly usage: Usage;
  readonly estimated: boolean;
} {
  const counted = reported ?? own;
  const checked = (count: number, ours: number, most: number): number => {
    const isBeyond = isOwnExact && Math.abs(count - ours) > toleranceOf(ours);
    return Math.min(isBeyond ? Math.min(count, ours) : count, most);
  };
  const usage = {
    promptTokens: checked(counted.promptTokens, own.promptTokens, atMost.promptTokens),
    completionTokens: checked(
      counted.completionTokens,
      own.completionTokens,
      atMost.completionTokens,
    ),
  };
  const disagrees = (['promptTokens', 'completionTokens'] as const).some(
    (side) =>
      usage[side] < counted[side] ||
      // A count of zero is a value; a lower one than ours stands, and says that it is not ours.
      (isOwnExact && counted[side] > 0 && own[side] - counted[side] > toleranceOf(own[side])),
  );
  return { usage, estimated: disagrees || (!reported && !isOwnExact) };
}

/** Operators count a begin and an end of a message, and we may not. */
const toleranceOf = (tokens: number): number => Math.max(2, Math.ceil(tokens * 0.02));

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
