/** The counts of GPT-2's tokenizer lie beside the project in ../shared/data; without them that test skips. */
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { harbourTokenizer } from '../../../test/harness/tokenizer.ts';
import { loadTokenCounter, slicesOf, type TokenCounter } from './token-counter.ts';

const data = new URL('../../../../shared/data/peers/gpt2-bpe/', import.meta.url);
const isHere = existsSync(data);

const inSlices = ({ count }: TokenCounter, text: string): number =>
  [...slicesOf(text)].reduce((sum, slice) => sum + count(slice), 0);

test.each([
  ['', 0],
  ['The harbour master knows when the water is high.', 14],
  ['boats', 2],
  ['An unknown word: quixotic.', 24],
  ['水は高い', 12],
  ['  two  spaces\n\n\nlines', 18],
  ['<|bos|> is one token where it is written out', 27],
])('counts %j as it was counted when this was written', (text, tokens) => {
  expect(inSlices(loadTokenCounter(harbourTokenizer()), text)).toBe(tokens);
});

test.skipIf(!isHere)(
  `counts as others count by the same tokenizer${isHere ? '' : ' (skipped: ../shared/data is absent)'}`,
  () => {
    const counter = loadTokenCounter(gpt2File());
    for (const [text, tokens] of GPT2)
      expect([text, inSlices(counter, text)]).toEqual([text, tokens]);
  },
);

/** By `gpt-tokenizer@4.0.0`, encoding `r50k_base`. */
const GPT2: readonly (readonly [string, number])[] = [
  ['Say it.', 3],
  ['The quick brown fox jumps over the lazy dog.', 10],
  ["It is 12345 metres — or 3.14159 miles, isn't it?", 17],
  ['const total = items.reduce((sum, { price }) => sum + price, 0);\n\n\treturn total;', 25],
  ['天地玄黄，宇宙洪荒。', 23],
  ['👩‍👩‍👧 café naïve Straße', 15],
  ['a'.repeat(10_000), 2500],
  ['To be, or not to be: that is the question. '.repeat(500), 6501],
];

/** Its two files as one `tokenizer.json`. */
function gpt2File(): object {
  const read = (name: string) => readFileSync(new URL(name, data), 'utf8');
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: true };
  const merges = read('vocab.bpe')
    .split('\n')
    .slice(1)
    .filter((line) => line !== '');
  return {
    ...{ added_tokens: [], normalizer: null, post_processor: null },
    ...{ pre_tokenizer: byteLevel, decoder: byteLevel },
    model: { type: 'BPE', vocab: JSON.parse(read('encoder.json')), merges },
  };
}

const character = fc.constantFrom('a', ' ', 'boats', '\n', '水', '👩', ' the harbour');
const longText = fc
  .array(fc.tuple(character, fc.integer({ min: 1, max: 3000 })), { maxLength: 6 })
  .map((runs) => runs.map(([letter, times]) => letter.repeat(times)).join(''));

test('slices are short, cut no character in two, and are the text when joined', () => {
  fc.assert(
    fc.property(longText, (text) => {
      const slices = [...slicesOf(text)];
      expect(slices.join('')).toBe(text);
      for (const slice of slices) {
        expect(slice.length).toBeLessThanOrEqual(4096);
        expect(slice.isWellFormed()).toBe(true);
      }
    }),
  );
});

test('the count in slices is that of the whole text, but for two tokens a cut', () => {
  const counter = loadTokenCounter(harbourTokenizer());
  fc.assert(
    fc.property(longText, (text) => {
      const cuts = [...slicesOf(text)].length - 1;
      expect(Math.abs(inSlices(counter, text) - counter.count(text))).toBeLessThanOrEqual(2 * cuts);
    }),
    { numRuns: 30 },
  );
});

test.each([
  [{}],
  [{ model: { type: 'BPE' } }],
  [[]],
])('refuses %j, which is no tokenizer', (file) => {
  expect(() => loadTokenCounter(file)).toThrow();
});
