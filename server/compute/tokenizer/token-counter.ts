/**
 * Counts the tokens of texts by any `tokenizer.json` of Hugging Face's form, slice by slice.
 *
 * The time that joining pairs takes grows with the square of a piece that nothing cuts, such as a long run of one letter. In slices it
 * grows with the text. A slice ends before a space where it can, where most tokenizers cut as well: so the count is off by
 * one or two a slice of some thousand tokens at most.
 */
import { Tokenizer } from '@huggingface/tokenizers';

/** In UTF-16 units. */
const SLICE = 4096;

export type TokenCounter = {
  /** Without what a chat template puts around it. A special token that is written out counts as the file has it. */
  readonly count: (slice: string) => number;
};

/** @throws Error when the file is no tokenizer that can be read */
export function loadTokenCounter(file: object): TokenCounter {
  const tokenizer = new Tokenizer(file, {});
  const count = (slice: string) =>
    tokenizer.encode(slice, { add_special_tokens: false }).ids.length;
  count('A first word.'); // what cannot encode fails here
  return { count };
}

/** Joined, they are the text. */
export function* slicesOf(text: string): Iterable<string> {
  let from = 0;
  while (text.length - from > SLICE) {
    const to = endOf(text, from + SLICE);
    yield text.slice(from, to);
    from = to;
  }
  yield text.slice(from);
}

/** The last space in the slice's second half, else its end, and never between the halves of a character. */
function endOf(text: string, most: number): number {
  const space = text.lastIndexOf(' ', most);
  if (space > most - SLICE / 2) return space;
  const isHalf = (text.charCodeAt(most) & 0xfc00) === 0xdc00;
  return isHalf ? most - 1 : most;
}
