import { ndcgAt, recallAt } from '@openledger/protocol';
import { expect, test } from 'vitest';
import { diversify, fuseRanks } from './rank-fusion.ts';

const ranking = (...documents: number[]) =>
  documents.map((document, i) => ({ document, score: 1 / (i + 1) }));
const numbers = (hits: readonly { readonly document: number }[]) =>
  hits.map(({ document }) => document);

test('what stands high in both rankings comes first', () => {
  const rankings = [ranking(1, 2, 3), ranking(2, 4)].map((hits) => ({ hits, weight: 1 }));
  const fused = fuseRanks(rankings);
  expect(numbers(fused)).toEqual([2, 1, 4, 3]);
  expect(fused[0].score).toBeCloseTo(1 / 62 + 1 / 61, 12);
});

test('a copy of the first comes after what is new, and nothing moves without diversity', () => {
  const similarity = (a: number, b: number) => (a + b === 3 ? 1 : 0); // 1 and 2 are alike
  const hits = ranking(1, 2, 3);
  expect(numbers(diversify(hits, { limit: 3, diversity: 0.5, similarity }))).toEqual([1, 3, 2]);
  expect(numbers(diversify(hits, { limit: 2, diversity: 0, similarity }))).toEqual([1, 2]);
});

test('measures a ranking against what is relevant', () => {
  const relevant = new Set(['a', 'b']);
  expect(recallAt(2, ['a', 'x', 'b'], relevant)).toBe(0.5);
  expect(ndcgAt(10, ['a', 'b', 'x'], relevant)).toBe(1);
  expect(ndcgAt(10, ['x', 'a'], relevant)).toBeCloseTo(1 / Math.log2(3) / (1 + 1 / Math.log2(3)));
});
