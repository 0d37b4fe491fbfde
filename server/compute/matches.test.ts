import fc from 'fast-check';
import { expect, test } from 'vitest';
import { count, insertionRank, locate, longestMatch, suffixIndex } from './matches.ts';

const text = fc.array(fc.nat(3), { maxLength: 200 });
const pattern = fc.array(fc.nat(4), { maxLength: 12 }); // 4 never stands in the text

/** Occurrences by looking at every position. */
function positionsByLooking(symbols: readonly number[], wanted: readonly number[]): number[] {
  return symbols.flatMap((_, at) =>
    wanted.every((symbol, i) => symbols[at + i] === symbol) ? [at] : [],
  );
}

test('finds every occurrence of every pattern, in order', () => {
  fc.assert(
    fc.property(text, pattern, (symbols, wanted) => {
      const index = suffixIndex(Int32Array.from(symbols), 5);
      const positions = positionsByLooking(symbols, wanted);
      expect([...locate(index, wanted)]).toEqual(positions);
      expect(count(index, wanted)).toBe(positions.length);
    }),
    { numRuns: 500 },
  );
});

test('the longest match of a pattern stands where it says, and one symbol more stands nowhere', () => {
  fc.assert(
    fc.property(text, pattern, fc.nat(3), (symbols, wanted, skip) => {
      const index = suffixIndex(Int32Array.from(symbols), 5);
      const rest = wanted.slice(skip);
      const { length, position } = longestMatch(index, wanted, Math.min(skip, wanted.length));
      if (length > 0)
        expect(symbols.slice(position, position + length)).toEqual(rest.slice(0, length));
      if (length < rest.length)
        expect(positionsByLooking(symbols, rest.slice(0, length + 1))).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test('a number between two symbols matches nothing but keeps its place', () => {
  const index = suffixIndex(Int32Array.from([1, 2, 1, 3]), 5);
  expect(insertionRank(index, [1, 2.5])).toBe(1);
  expect(insertionRank(index, [2.5])).toBe(3);
  expect(count(index, [2.5])).toBe(0);
});
