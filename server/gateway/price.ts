/** What a call costs. Prices are units a token, so that no rounding ever happens. */

export type Pricing = {
  /** Units a prompt token. */
  readonly promptUnits: bigint;
  /** Units a completion token. */
  readonly completionUnits: bigint;
};

export type Usage = { readonly promptTokens: number; readonly completionTokens: number };

export const priceOf = (pricing: Pricing, usage: Usage): bigint =>
  pricing.promptUnits * BigInt(usage.promptTokens) +
  pricing.completionUnits * BigInt(usage.completionTokens);

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
 * The usage that is recorded and paid: the operator's count, else ours, and never more than was held for or
 * than the delivered text can have, so that the price always is the usage's price.
 *
 * @returns estimated: nobody counted this with the model's tokenizer, so the payer may dispute it
 */
export function meter({ reported, own, isOwnExact, atMost }: Counts): {
  readonly usage: Usage;
  readonly estimated: boolean;
} {
  const counted = reported ?? own;
  const usage = {
    promptTokens: Math.min(counted.promptTokens, atMost.promptTokens),
    completionTokens: Math.min(counted.completionTokens, atMost.completionTokens),
  };
  const isCut =
    usage.promptTokens < counted.promptTokens || usage.completionTokens < counted.completionTokens;
  return { usage, estimated: isCut || (!reported && !isOwnExact) };
}

/**
 * A token is at least one byte of UTF-8 in every tokenizer in use, so the bytes bound the tokens of a text
 * whose tokenizer we do not have. The 16 are for what a chat template puts around a message.
 */
export const tokensAtMost = (text: string): number => Buffer.byteLength(text, 'utf8') + 16;

/** A guess for the same texts: English and code run at about four bytes a token. */
export const tokensAbout = (text: string): number => Math.ceil(Buffer.byteLength(text, 'utf8') / 4);

export const sumOf = (tokens: readonly number[]): number => tokens.reduce((sum, n) => sum + n, 0);
