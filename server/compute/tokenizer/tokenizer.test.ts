import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadTokenizer } from './tokenizer.ts';
import { trainTokenizer } from './train-tokenizer.ts';

const texts = [
  '# fastify\n\nFast and low overhead web framework, for Node.js\n\n```js\nconst app = fastify()\n```\n',
  'A fast, low level HTTP server. Über schnell, 速い. 12345 times faster than others: framework, frameworks.',
  'The framework is for fast servers and the servers are for the framework.   \n\n\n    indented\tby tabs',
];
const file = trainTokenizer(texts, { vocabularySize: 290 });
const tokenizer = loadTokenizer(JSON.parse(JSON.stringify(file)));

/** The same training, counting everything anew for every join. */
function joinsByRecounting(pieces: readonly string[], most: number): [string, string][] {
  let words = pieces.map((piece) => Array.from(Buffer.from(piece).toString('latin1')));
  const joins: [string, string][] = [];
  while (joins.length < most) {
    const counts = new Map<string, { pair: [string, string]; count: number }>();
    for (const word of words) {
      for (let k = 0; k + 1 < word.length; k++) {
        const key = JSON.stringify([word[k], word[k + 1]]);
        const entry = counts.get(key) ?? { pair: [word[k], word[k + 1]], count: 0 };
        entry.count += 1;
        counts.set(key, entry);
      }
    }
    const less = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
    const [best] = [...counts.values()].sort(
      (a, b) => b.count - a.count || less(a.pair[0], b.pair[0]) || less(a.pair[1], b.pair[1]),
    );
    if (!best || best.count < 2) break;
    joins.push(best.pair);
    words = words.map((word) => {
      const next: string[] = [];
      for (let k = 0; k < word.length; k++) {
        const isPair = word[k] === best.pair[0] && word[k + 1] === best.pair[1];
        next.push(isPair ? word[k] + word[++k] : word[k]);
      }
      return next;
    });
  }
  return joins;
}

test('learns the joins that recounting everything learns, ties in the order of bytes', () => {
  const piece = fc
    .array(fc.constantFrom('a', 'b', 'c', 'é'), { minLength: 1, maxLength: 12 })
    .map((letters) => letters.join(''));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const { merges } = trainTokenizer(pieces, { vocabularySize: 259 + 20 }).model;
      const letters = new Map(
        Object.entries(file.model.vocab).map(([letter, id]) => [
          String.fromCharCode(id - 3),
          letter,
        ]),
      );
      const written = (bytes: string) => Array.from(bytes, (byte) => letters.get(byte)).join('');
      expect(merges).toEqual(joinsByRecounting(pieces, 20).map((pair) => pair.map(written)));
    }),
    { numRuns: 300 },
  );
});

test('any text comes back exactly, and is cut into known ids that are never special', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .array(fc.constantFrom(...texts, '<|bos|>', '\ufeff', '\r\n', '   ', '👩‍👩‍👧‍👦', 'aaaa'), {
        maxLength: 6,
      })
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (each) => {
      const ids = tokenizer.encode(each);
      expect(tokenizer.decode(ids)).toBe(each.toWellFormed());
      for (const id of ids) expect(id >= 3 && id < tokenizer.vocabSize).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('a stream never splits a character and ends up with the whole text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const stream = tokenizer.streamDecoder();
      const parts = tokenizer.encode(text).map(stream.push);
      for (const part of parts)
        expect(part.isWellFormed() && (text.includes('\ufffd') || !part.includes('\ufffd'))).toBe(
          true,
        );
      expect(parts.join('') + stream.end()).toBe(text);
    }),
  );
  const broken = tokenizer.streamDecoder();
  expect(broken.push(tokenizer.encode('é')[0]) + broken.end()).toBe('\ufffd');
});

test('the same pieces in another order give the same file, of the size asked for', () => {
  expect(trainTokenizer([...texts].reverse(), { vocabularySize: 290 })).toEqual(file);
  expect(tokenizer.vocabSize).toBe(290);
  expect(Object.values(file.model.vocab).sort((a, b) => a - b)).toEqual([...Array(290).keys()]);
  expect([tokenizer.bosId, tokenizer.eosId, tokenizer.padId]).toEqual([0, 1, 2]);
});

test('other readers of the file see the same ids and the special tokens', () => {
  const other = new HuggingFaceTokenizer(file, { clean_up_tokenization_spaces: false });
  expect(other.encode(texts[1]).ids).toEqual(tokenizer.encode(texts[1]));
  expect(other.decode(tokenizer.encode(texts[1]))).toBe(texts[1]);
  expect(other.encode('<|bos|>').ids).toEqual([tokenizer.bosId]);
});

test('refuses files that it could not use', () => {
  expect(() => loadTokenizer({ model: { type: 'Unigram' } })).toThrow('no BPE');
  expect(() => loadTokenizer({ ...file, added_tokens: [] })).toThrow('lacks the special token');
  const vocab = { ...file.model.vocab, '€': 290 };
  expect(() => loadTokenizer({ ...file, model: { ...file.model, vocab } })).toThrow('byte letters');
});
