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

/**
 * A token is at least one byte of UTF-8 in every tokenizer in use, so the bytes bound the tokens of a text
 * whose tokenizer we do not have.
 */
export const tokensAtMost = (text: string): number => Buffer.byteLength(text, 'utf8') + 16;
