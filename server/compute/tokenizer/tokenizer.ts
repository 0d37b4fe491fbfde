/**
 * A byte-level BPE tokenizer in Hugging Face's `tokenizer.json` form: text to ids and back, and back piece by piece.
 *
 * Encoding is done by `@huggingface/tokenizers`; decoding is joining bytes. Special tokens are never made from text:
 * a client who writes `<|bos|>` gets the seven characters, not the token.
 */

import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { OpenLedgerError } from '@openledger/protocol';
import { z } from 'zod';
import { bytesOfLetters } from './byte-letters.ts';

export type Tokenizer = {
  readonly vocabSize: number;
  /** Stands before each document. */
  readonly bosId: number;
  readonly eosId: number;
  readonly padId: number;
  /** Never gives special tokens. A lone surrogate becomes U+FFFD; all other text comes back exactly. */
  readonly encode: (text: string) => number[];
  /** Special tokens are silent; bytes that are not UTF-8 become U+FFFD. */
  readonly decode: (ids: Iterable<number>) => string;
  readonly streamDecoder: () => StreamDecoder;
};

/** Decodes as ids arrive: what `push` and `end` return, joined, is what `decode` returns for all ids together. */
export type StreamDecoder = {
  /** The characters that this id completes; empty while the bytes of one are still missing. */
  readonly push: (id: number) => string;
  /** What is left at the end: U+FFFD for a character that was never completed. */
  readonly end: () => string;
};

/** The parts of `tokenizer.json` that matter here; others are kept as they are. */
const TokenizerFile = z.looseObject({
  added_tokens: z.array(
    z.looseObject({ id: z.int().nonnegative(), content: z.string(), special: z.boolean() }),
  ),
  model: z.looseObject({
    type: z.literal('BPE'),
    vocab: z.record(z.string(), z.int().nonnegative()),
    merges: z.array(z.tuple([z.string(), z.string()]).readonly()),
  }),
});
export type TokenizerFile = z.infer<typeof TokenizerFile>;

/** @throws unprocessable when the file is no byte-level BPE tokenizer with the special tokens that are needed */
export function loadTokenizer(content: unknown): Tokenizer {
  const { data: file, error } = TokenizerFile.safeParse(content);
  if (error) {
    throw new OpenLedgerError('unprocessable', 'This is no BPE tokenizer.json.', {
      issues: error.issues,
    });
  }
  const encoder = new HuggingFaceTokenizer(
    { ...file, added_tokens: [] }, // so that no text is taken for a special token
    { clean_up_tokenization_spaces: false },
  );
  const special = {
    bosId: specialId(file, '<|bos|>'),
    eosId: specialId(file, '<|eos|>'),
    padId: specialId(file, '<|pad|>'),
  };
  const bytes = bytesById(file);
  const bytesOf = (id: number): Uint8Array => {
    const found = bytes[id];
    if (!found) throw new Error(`The tokenizer has no id ${id}.`);
    return found;
  };
  const streamDecoder = (): StreamDecoder => {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    return {
      push: (id) => decoder.decode(bytesOf(id), { stream: true }),
      end: () => decoder.decode(),
    };
  };
  return {
    vocabSize: bytes.length,
    ...special,
    encode: (text) => encoder.encode(text, { add_special_tokens: false }).ids,
    decode: (ids) => {
      const stream = streamDecoder();
      let text = '';
      for (const id of ids) text += stream.push(id);
      return text + stream.end();
    },
    streamDecoder,
  };
}

function specialId(file: TokenizerFile, content: string): number {
  const token = file.added_tokens.find((added) => added.special && added.content === content);
  if (token) return token.id;
  throw new OpenLedgerError('unprocessable', `The tokenizer lacks the special token ${content}.`);
}

/** The bytes each id stands for; none for special tokens. */
function bytesById(file: TokenizerFile): readonly Uint8Array[] {
  const bytes: Uint8Array[] = [];
  const specials = new Set(file.added_tokens.map(({ id }) => id));
  for (const [letters, id] of Object.entries(file.model.vocab)) {
    const found = specials.has(id) ? new Uint8Array(0) : bytesOfLetters(letters);
    if (!found)
      throw new OpenLedgerError('unprocessable', `Token ${id} is not written in byte letters.`);
    bytes[id] = found;
  }
  for (const { id } of file.added_tokens) bytes[id] ??= new Uint8Array(0);
  if (Array.from(bytes).some((entry) => entry === undefined)) {
    throw new OpenLedgerError('unprocessable', 'The ids of the vocabulary have gaps.');
  }
  return bytes;
}
