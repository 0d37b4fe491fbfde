import { expect, test } from 'vitest';
import { chartPath, chartScale, type LossPoint } from './loss-chart-path.ts';

const frame = { width: 100, height: 50 };

test('the first step stands left, the last right, the highest loss on top', () => {
  const points: LossPoint[] = [
    [0, 8],
    [50, 4],
    [100, 3],
  ];
  expect(chartPath(points, chartScale(points, [], frame))).toBe('M0 0L50 40L100 50');
});

test('levels of evaluations widen the range', () => {
  const points: LossPoint[] = [
    [0, 4],
    [10, 3],
  ];
  const scale = chartScale(points, [2, 5], frame);
  expect([scale.y(5), scale.y(2)]).toEqual([0, 50]);
});

test('no points make no path, one point stands in the middle', () => {
  expect(chartPath([], chartScale([], [], frame))).toBe('');
  const one: LossPoint[] = [[7, 3]];
  expect(chartPath(one, chartScale(one, [], frame))).toBe('M50 25');
});

test('a loss that diverged is left out instead of breaking the drawing', () => {
  const points: LossPoint[] = [
    [0, 4],
    [5, Number.NaN],
    [10, 2],
  ];
  expect(chartPath(points, chartScale(points, [], frame))).toBe('M0 0L100 50');
});

test('ticks are round and inside the range', () => {
  const { ticks } = chartScale(
    [
      [0, 7.6],
      [1, 2.7],
    ],
    [],
    frame,
  );
  expect(ticks).toEqual([4, 6]);
});
