import fc from 'fast-check';
import { expect, test } from 'vitest';
import { segmentsOf } from './segments.ts';

const pieces = (text: string, passages: readonly [number, number][]) =>
  segmentsOf(
    text,
    passages.map(([start, end]) => ({ start, end })),
  ).map((segment) => [segment.text, ...segment.passages]);

test('marks a passage and leaves the rest bare', () => {
  expect(pieces('a quoted word', [[2, 8]])).toEqual([['a '], ['quoted', 0], [' word']]);
});

test('where passages overlap, the piece between belongs to both', () => {
  expect(
    pieces('abcdef', [
      [0, 4],
      [2, 6],
    ]),
  ).toEqual([
    ['ab', 0],
    ['cd', 0, 1],
    ['ef', 1],
  ]);
});

test('passages that touch do not share a piece', () => {
  expect(
    pieces('abcd', [
      [0, 2],
      [2, 4],
    ]),
  ).toEqual([
    ['ab', 0],
    ['cd', 1],
  ]);
});

test('counts in UTF-16 code units, as evidence does', () => {
  expect(pieces('😀 naïve 😀', [[3, 8]])).toEqual([['😀 '], ['naïve', 0], [' 😀']]);
});

test('an empty text has no pieces', () => {
  expect(pieces('', [[0, 3]])).toEqual([]);
});

test('pieces put together are the text, and each is covered by exactly the passages around it', () => {
  const range = fc
    .tuple(fc.nat(40), fc.nat(40))
    .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }));
  fc.assert(
    fc.property(
      fc.string({ maxLength: 30, unit: 'binary' }),
      fc.array(range, { maxLength: 6 }),
      (text, passages) => {
        const segments = segmentsOf(text, passages);
        expect(segments.map((segment) => segment.text).join('')).toBe(text);
        for (const segment of segments) {
          for (let at = segment.start; at < segment.start + segment.text.length; at++) {
            const covering = passages.flatMap(({ start, end }, i) =>
              start <= at && at < end ? [i] : [],
            );
            expect(segment.passages).toEqual(covering);
          }
        }
      },
    ),
  );
});
