import { expect, test } from 'vitest';
import { bootstrapMean, ndcgAt, recallAt, reciprocalRank } from './ranking-metrics.ts';

const relevant = new Set(['a', 'b']);

test('a ranking is worth what it puts first', () => {
  expect(recallAt(2, ['x', 'a', 'b'], relevant)).toBe(0.5);
  expect(ndcgAt(3, ['a', 'b', 'x'], relevant)).toBe(1);
  expect(ndcgAt(3, ['x', 'a', 'b'], relevant)).toBeCloseTo(
    (1 / Math.log2(3) + 1 / 2) / (1 + 1 / Math.log2(3)),
    12,
  );
  expect(reciprocalRank(['x', 'b', 'a'], relevant)).toBe(0.5);
  expect(reciprocalRank(['x'], relevant)).toBe(0);
});

test('an interval holds the mean, is the same every time, and is narrow where values are alike', () => {
  const values = Array.from({ length: 200 }, (_, i) => i % 2);
  const { mean, low, high } = bootstrapMean(values);
  expect(mean).toBe(0.5);
  // Of a mean of 200 throws of a coin, 1.96 deviations are 0.0693.
  expect(low).toBeCloseTo(0.5 - 0.0693, 1);
  expect(high).toBeCloseTo(0.5 + 0.0693, 1);
  expect(bootstrapMean(values)).toEqual({ mean, low, high });
  expect(bootstrapMean([0.25, 0.25])).toEqual({ mean: 0.25, low: 0.25, high: 0.25 });
});
