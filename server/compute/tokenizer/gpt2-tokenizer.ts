/**
 * GPT-2's tokenizer, from the two files in which it was published: `encoder.json` (tokens and their ids) and `vocab.bpe` (merges).
 *
 * Source: Radford, Wu, Child, Luan, Amodei, Sutskever, "Language Models are Unsupervised Multitask Learners", 2019. Encoding is
 * done by `@huggingface/tokenizers`.
 */
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { OpenLedgerError } from '@openledger/protocol';
import { z } from 'zod';
import type { Tokenizer } from './tokenizer.ts';

const Vocabulary = z.record(z.string(), z.int().nonnegative());

/**
 * @param encoder `encoder.json`, parsed
 * @param merges `vocab.bpe` as it is: a line a merge, the first one a comment
 * @throws unprocessable when the files are not these
 */
export function gpt2Tokenizer({
  encoder,
  merges,
}: {
  readonly encoder: unknown;
  readonly merges: string;
}): Pick<Tokenizer, 'vocabSize' | 'encode'> {
  const { data: vocab, error } = Vocabulary.safeParse(encoder);
  const pairs = merges
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#version'))
    .map((line) => line.split(' '));
  if (error || pairs.some(({ length }) => length !== 2)) {
    throw new OpenLedgerError('unprocessable', 'These are not a vocabulary and its merges.');
  }
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: true };
  const tokenizer = new HuggingFaceTokenizer(
    {
      added_tokens: [],
      ...{ normalizer: null, post_processor: null, pre_tokenizer: byteLevel, decoder: byteLevel },
      model: { type: 'BPE', vocab, merges: pairs },
    },
    { clean_up_tokenization_spaces: false },
  );
  return {
    vocabSize: Object.keys(vocab).length,
    encode: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
  };
}
