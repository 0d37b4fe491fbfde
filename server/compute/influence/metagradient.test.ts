import { expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { lossGradient, lossOf } from './logistic.ts';
import { metagradient, type SgdRun, trainSgd } from './metagradient.ts';

const random = createRandom(8);
const rows = Array.from({ length: 12 }, () => Float64Array.from({ length: 5 }, random.gaussian));
const labels = rows.map(() => random.below(3));
const run: SgdRun = {
  start: new Float64Array(15),
  rate: 0.3,
  batches: Array.from({ length: 30 }, () => Array.from({ length: 4 }, () => random.below(12))),
  records: 12,
  gradient: (theta, record) => lossGradient(theta, rows[record], labels[record], 3),
};
const query = Float64Array.from({ length: 5 }, random.gaussian);
const valueAt = (theta: Float64Array) => -lossOf(theta, query, 1, 3);
const directionAt = (theta: Float64Array) => lossGradient(theta, query, 1, 3).map((x) => -x);

test('is the slope that retraining with a slightly changed weight shows', () => {
  const weights = new Float64Array(12).fill(0.7);
  const path = trainSgd(run, weights);
  const scores = metagradient(run, path, { weight: 0.7, direction: directionAt(path[30]) });
  for (let record = 0; record < 12; record++) {
    const at = (change: number) =>
      valueAt(
        trainSgd(
          run,
          weights.map((w, i) => w + (i === record ? change : 0)),
        )[30],
      );
    expect(scores[record]).toBeCloseTo((at(1e-4) - at(-1e-4)) / 2e-4, 6);
  }
});

test('along the whole path the scores sum to what training changed', () => {
  // Gauss and Legendre's five points on [0, 1].
  const [outer, inner] = [
    Math.sqrt(5 + 2 * Math.sqrt(10 / 7)) / 3,
    Math.sqrt(5 - 2 * Math.sqrt(10 / 7)) / 3,
  ];
  const [few, some] = [(322 - 13 * Math.sqrt(70)) / 900, (322 + 13 * Math.sqrt(70)) / 900];
  const nodes = [
    [-outer, few],
    [-inner, some],
    [0, 128 / 225],
    [inner, some],
    [outer, few],
  ];
  let total = 0;
  for (const [place, part] of nodes) {
    const weight = (1 + place) / 2;
    const path = trainSgd(run, new Float64Array(12).fill(weight));
    const scores = metagradient(run, path, { weight, direction: directionAt(path[30]) });
    total += (part / 2) * scores.reduce((sum, score) => sum + score, 0);
  }
  const gain =
    valueAt(trainSgd(run, new Float64Array(12).fill(1))[30]) - valueAt(new Float64Array(15));
  expect(Math.abs(total / gain - 1)).toBeLessThan(0.02);
});
