/** Hashes of short rows of tokens, alike in every shard: what no shard's filter knows need not be searched. */
import { gapEnd, type Words } from '@openledger/protocol';
import { mix } from '../../compute/mix.ts';
import { hashText } from '../../compute/text-table.ts';

/** Tokens of a gram, with the white space inside. */
export const GRAM_TOKENS = 4;

/** Of a token with the white space after it. */
export const pairHash = (token: number, gap: number): number => mix(Math.imul(token, 31) ^ gap);

/** Of three tokens with the white space after each, and one token more. */
export function gramHash(a: number, b: number, c: number, last: number): number {
  let h = Math.imul(a, 0x9e3779b1) + b;
  h = Math.imul(h, 0x9e3779b1) + c;
  return mix(Math.imul(h, 0x9e3779b1) + last);
}

/** The hash of the gram from each token of a text on, [count - GRAM_TOKENS + 1, at least 0]. */
export function gramsOf(words: Words): Int32Array {
  const { text, count, starts, ends } = words;
  const tokens = new Int32Array(count);
  const pairs = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    tokens[i] = hashText(text, starts[i], ends[i]);
    const gap = hashText(text, ends[i], gapEnd(words, i));
    pairs[i] = pairHash(tokens[i], gap);
  }
  const grams = new Int32Array(Math.max(0, count - GRAM_TOKENS + 1));
  for (let i = 0; i < grams.length; i++) {
    grams[i] = gramHash(pairs[i], pairs[i + 1], pairs[i + 2], tokens[i + 3]);
  }
  return grams;
}
