import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codePointOffsets, cutsWord, cutWords, gapAfter, isWord, tokenAt } from './words.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc
    .array(
      fc.constantFrom(
        'a',
        'Zürich',
        '_',
        ' ',
        '\n',
        '🙂',
        '\ud800',
        '\u0301',
        '١',
        '.',
        '\u0085',
        '𝒳',
      ),
    )
    .map((parts) => parts.join('')),
);

const tokensOf = (text: string) => {
  const words = cutWords(text);
  return Array.from({ length: words.count }, (_, i) => tokenAt(words, i));
};

test('cuts words, numbers and single symbols, and keeps their case', () => {
  expect(tokensOf('The `npm_install` is 10.5x Faster!!')).toEqual([
    'The',
    '`',
    'npm_install',
    '`',
    'is',
    '10',
    '.',
    '5x',
    'Faster',
    '!',
    '!',
  ]);
  expect(tokensOf('Ålesund e\u0301t 数据 🙂🙂')).toEqual([
    'Ålesund',
    'e\u0301t',
    '数据',
    '🙂',
    '🙂',
  ]);
  expect(tokensOf(' \n')).toEqual([]);
});

test('tokens and gaps together are the text again, and flags agree with isWord', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const words = cutWords(text);
      let rebuilt = text.slice(0, words.count > 0 ? words.starts[0] : text.length);
      for (let i = 0; i < words.count; i++) {
        expect(isWord(tokenAt(words, i))).toBe(words.wordFlags[i] === 1);
        expect(gapAfter(words, i)).toMatch(/^\s*$/);
        rebuilt += tokenAt(words, i) + gapAfter(words, i);
      }
      expect(rebuilt).toBe(text);
    }),
  );
});

test('the pinned table is Unicode 17.0: it equals the engine where the engine has that version', (context) => {
  if (process.versions.unicode !== '17.0')
    return context.skip('this engine carries another Unicode version');
  const wordCharacter = /^[\p{L}\p{M}\p{N}_]$/u;
  for (let code = 0; code < 0x110000; code++) {
    const character = String.fromCodePoint(code);
    if (wordCharacter.test(character) !== isWord(character)) expect.fail(code.toString(16));
    if (/^\s$/u.test(character) !== (cutWords(character).count === 0))
      expect.fail(code.toString(16));
  }
});

test('equals the regular expression that defines it', (context) => {
  if (process.versions.unicode !== '17.0')
    return context.skip('this engine carries another Unicode version');
  fc.assert(
    fc.property(anyText, (text) => {
      expect(tokensOf(text)).toEqual(
        text.match(/[\p{L}\p{M}\p{N}_]+|[^\s\p{L}\p{M}\p{N}_]/gu) ?? [],
      );
    }),
  );
});

test('an offset cuts a word exactly when it lies strictly inside one and at a code point', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const words = cutWords(text);
      let offset = 0;
      for (const codePoint of text) {
        const inside = Array.from(words.starts).some(
          (start, i) => words.wordFlags[i] && start < offset && offset < words.ends[i],
        );
        expect(cutsWord(text, offset)).toBe(inside);
        offset += codePoint.length;
      }
    }),
  );
});

test('translates UTF-16 offsets into code point offsets', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const toCodePoints = codePointOffsets(text);
      for (const end of [0, ...cutWords(text).ends, text.length]) {
        expect(toCodePoints(end)).toBe([...text.slice(0, end)].length);
      }
    }),
  );
});
