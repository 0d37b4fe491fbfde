import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COPY_WINDOW, createCopyFinder } from './copied-tokens.ts';
import { unigramTable } from './information.ts';

/** As it is said: every window, against every one before it. */
function copiedByLooking(texts: readonly (readonly number[])[]): number[][] {
  const before = new Set<string>();
  return texts.map((tokens) => {
    const copied = tokens.map(() => 0);
    const length = Math.min(COPY_WINDOW, tokens.length);
    for (let at = 0; at + length <= tokens.length; at++) {
      const window = tokens.slice(at, at + length).join(' ');
      if (before.has(window)) copied.fill(1, at, at + length);
      before.add(window);
    }
    return copied;
  });
}

const text = fc.array(fc.nat(2), { maxLength: 30, size: 'max' });

test('finds what a look at every window finds', () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), (texts) => {
      const copiedIn = createCopyFinder();
      expect(texts.map((tokens) => [...copiedIn(tokens)])).toEqual(copiedByLooking(texts));
    }),
    { numRuns: 500 },
  );
});

const word = fc.integer({ min: 0, max: 40 }).map((n) => `w${n}`);
const words = (least: number) => fc.array(word, { minLength: least, maxLength: 40, size: 'max' });

test('whoever sends texts again, whole, in parts or inside his own, changes no count of their words', () => {
  fc.assert(
    fc.property(
      fc.array(words(8), { minLength: 1, maxLength: 4 }),
      words(8),
      fc.nat(),
      fc.nat(),
      (texts, own, which, cut) => {
        const copied = texts[which % texts.length];
        const from = cut % (copied.length - 7);
        const piece = copied.slice(from, from + 8 + (cut % 20));
        // The marks keep windows across a border apart from all others.
        const honest = [...texts.map((one) => one.join(' ')), ['|<', ...own, '>|'].join(' ')];
        const padded = [...piece, '|<', ...own, '>|', ...copied].join(' ');
        const attacked = [...honest.slice(0, -1), padded, copied.join(' '), piece.join(' ')];
        expect(unigramTable(attacked)).toEqual(unigramTable(honest));
      },
    ),
  );
});
