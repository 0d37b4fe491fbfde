/** Against the published counts, which lie beside the project in ../shared/data; without them that test skips. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { count, suffixIndex } from '../matches.ts';
import { gpt2Tokenizer } from './gpt2-tokenizer.ts';

const data = new URL('../../../../shared/data/', import.meta.url);
const isHere = existsSync(data);
const read = (path: string) => readFileSync(new URL(path, data), 'utf8');

test('merges bytes by rank, inside words, with the space before them', () => {
  const letters = ['a', 'b', 'Ġ', 'Ã', '©'];
  const merged = ['ab', 'Ġab', 'Ã©'];
  const encoder = Object.fromEntries([...letters, ...merged].map((token, id) => [token, id]));
  const { encode, vocabSize } = gpt2Tokenizer({
    encoder,
    merges: '#version: 0.2\na b\nĠ ab\nÃ ©\n',
  });
  expect(vocabSize).toBe(8);
  expect(encode('ab ab éb')).toEqual([5, 6, 2, 7, 1]);
});

test('refuses files that are something else', () => {
  expect(() => gpt2Tokenizer({ encoder: [1], merges: '' })).toThrow('not a vocabulary');
  expect(() => gpt2Tokenizer({ encoder: {}, merges: 'a b c\n' })).toThrow('not a vocabulary');
});

test.skipIf(!isHere)(
  `300 of 300 texts are counted over the EIPs as infini-gram counts them${isHere ? '' : ' (skipped: ../shared/data is absent)'}`,
  () => {
    const { encode, vocabSize } = gpt2Tokenizer({
      encoder: JSON.parse(read('peers/gpt2-bpe/encoder.json')),
      merges: read('peers/gpt2-bpe/vocab.bpe'),
    });
    const queries: { text: string; gpt2_ids: number[]; infini_gram_token_count: number }[] =
      JSON.parse(read('golden/trace/counts_eips.json'));
    const documents = read('corpora/eips/eips.jsonl')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => encode(JSON.parse(line).text));
    // A symbol of its own ends each document, and is part of no query.
    const stream = Int32Array.from(documents.flatMap((ids) => [...ids, vocabSize]));
    const index = suffixIndex(stream, vocabSize + 1);
    const right = queries.filter(
      ({ text, gpt2_ids, infini_gram_token_count }) =>
        JSON.stringify(encode(text)) === JSON.stringify(gpt2_ids) &&
        count(index, gpt2_ids) === infini_gram_token_count,
    );
    expect([queries.length, right.length]).toEqual([300, 300]);
  },
  60_000,
);
