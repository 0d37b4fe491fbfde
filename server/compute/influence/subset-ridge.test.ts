import { expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { halfMasks, ridgeScores, scoresInsideGroups } from './subset-ridge.ts';

test('halves are the same for a seed, contain half of the players, and few are a prefix of many', () => {
  const masks = halfMasks(24, { count: 64, seed: 5 });
  expect(halfMasks(24, { count: 16, seed: 5 })).toEqual(masks.slice(0, 16));
  for (const mask of masks) expect(mask.reduce((sum, isIn) => sum + isIn, 0)).toBe(12);
  for (let player = 0; player < 24; player++) {
    const times = masks.reduce((sum, mask) => sum + mask[player], 0);
    expect(Math.abs(times - 32)).toBeLessThan(16); // four standard deviations
  }
});

test('ridge finds what each player adds when answers add up', () => {
  const random = createRandom(2);
  const masks = halfMasks(8, { count: 64, seed: 1 });
  const worth = Array.from({ length: 8 }, random.gaussian);
  const answer = Float64Array.from(masks, (mask) =>
    mask.reduce((sum, isIn, player) => sum + isIn * worth[player], -3),
  );
  const [scores] = ridgeScores(masks, [answer], { strength: 1e-9 });
  // All halves are of one size, so worths are told up to a constant.
  const mean = (values: ArrayLike<number>) =>
    Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
  for (const [player, score] of scores.entries())
    expect(score - mean(scores)).toBeCloseTo(worth[player] - mean(worth), 5);
});

test('records inside a group sum to its score and keep their order', () => {
  const [row] = scoresInsideGroups(
    [Float64Array.of(4, -1)],
    [Float64Array.of(1, 2, 5, 0)],
    [0, 0, 0, 1],
    [1, 1, 1, 1],
  );
  expect(row[0] + row[1] + row[2]).toBeCloseTo(4);
  expect(row[3]).toBeCloseTo(-1);
  expect(row[0]).toBeLessThan(row[1]);
  expect(row[1]).toBeLessThan(row[2]);
});

test('a record cut into four has as much as it had whole', () => {
  const groups = [Float64Array.of(6, 1)];
  const [whole] = scoresInsideGroups(groups, [Float64Array.of(4, 4, 1)], [0, 0, 1], [8, 8, 8]);
  const [cut] = scoresInsideGroups(
    groups,
    [Float64Array.of(1, 1, 1, 1, 4, 1)],
    [0, 0, 0, 0, 0, 1],
    [2, 2, 2, 2, 8, 8],
  );
  expect(cut[0] + cut[1] + cut[2] + cut[3]).toBeCloseTo(whole[0]);
  expect(cut[4]).toBeCloseTo(whole[1]);
});
