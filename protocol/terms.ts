/**
 * Terms: what an operator asks for a token of a model, from when on. Each version is a document that stays, named by its hash.
 *
 * Prices are units a token, so that no rounding ever happens. Only an answer that is given again costs a part of them, and
 * that part is rounded up for each token.
 */
import { z } from 'zod';
import { canonicalHash } from './canonical.ts';
import { Sha256Hex } from './hash.ts';
import { idSchema } from './ids.ts';
import { OPEN, Units } from './money.ts';

export const TERMS_VERSION = 'openledger-terms-1';

const units = {
  /** Units a prompt token. */
  promptUnits: Units,
  /** Units a completion token. */
  completionUnits: Units,
};

export const Terms = z.strictObject({
  version: z.literal(TERMS_VERSION),
  model: z.string().min(1).max(300),
  /** By its name here, and by the party that earns for it. */
  operator: z.strictObject({ name: z.string().min(1).max(100), party: idSchema('party') }),
  asset: z.literal(OPEN),
  ...units,
  /** They are in force until later ones of the same model and operator are. */
  since: z.iso.datetime(),
});
export type Terms = z.output<typeof Terms>;

/** The terms' name: SHA-256 of their canonical JSON, lower-case hex. A name that stands beside them is no part of it. */
export const termsHash = ({ hash: _, ...terms }: Terms & { readonly hash?: string }): string =>
  canonicalHash(terms);

/** Terms beside their name. */
export const NamedTerms = z.strictObject({ hash: Sha256Hex, ...Terms.shape });
export type NamedTerms = z.output<typeof NamedTerms>;

export const nameTerms = (terms: Terms): NamedTerms => ({ hash: termsHash(terms), ...terms });

/** Of a list of all versions, those in force at a moment: for each model and operator the newest that had begun. */
export function termsInForce<T extends Terms>(list: readonly T[], at: Date): readonly T[] {
  const newest = new Map<string, T>();
  for (const terms of list) {
    const key = JSON.stringify([terms.model, terms.operator.name]);
    const since = Date.parse(terms.since);
    const known = newest.get(key);
    if (since > at.getTime() || (known && Date.parse(known.since) >= since)) continue;
    newest.set(key, terms);
  }
  return [...newest.values()];
}

/** What a price was made of, as its receipt says it. */
export const PricedBy = z.strictObject({
  /** The name of the terms. */
  hash: Sha256Hex,
  ...units,
  /** What an answer given again costs, in parts per million of each unit price; left out where it was made anew. */
  ppm: z.number().int().min(0).max(1_000_000).optional(),
});
export type PricedBy = z.output<typeof PricedBy>;

/** What a price by the terms is made of. */
export const pricedBy = ({ hash, promptUnits, completionUnits }: NamedTerms): PricedBy => ({
  ...{ hash, promptUnits, completionUnits },
});

export type Pricing = { readonly promptUnits: bigint; readonly completionUnits: bigint };
export type TokenUsage = { readonly promptTokens: number; readonly completionTokens: number };

export const pricingOf = ({
  promptUnits,
  completionUnits,
}: Pick<Terms, keyof Pricing>): Pricing => ({
  promptUnits: BigInt(promptUnits),
  completionUnits: BigInt(completionUnits),
});

export const priceOf = (pricing: Pricing, usage: TokenUsage): bigint =>
  pricing.promptUnits * BigInt(usage.promptTokens) +
  pricing.completionUnits * BigInt(usage.completionTokens);

const MILLION = 1_000_000n;

/** What an answer costs that is given again: a part of the price, rounded up, so that what had a price keeps one. */
export function cachedPricing(
  { promptUnits, completionUnits }: Pricing,
  pricePpm: number,
): Pricing {
  const partUp = (units: bigint) => (units * BigInt(pricePpm) + MILLION - 1n) / MILLION;
  return { promptUnits: partUp(promptUnits), completionUnits: partUp(completionUnits) };
}

/** The one price that a usage has by what its receipt names. */
export function priceBy(by: PricedBy, usage: TokenUsage): bigint {
  const pricing = pricingOf(by);
  return priceOf(by.ppm === undefined ? pricing : cachedPricing(pricing, by.ppm), usage);
}
