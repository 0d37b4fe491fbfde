import { expect, test } from 'vitest';
import { createRandom } from '../../compute/random.ts';
import { initialAdapter, mergeAdapter } from './adapter.ts';
import { createScorer, evaluateLoss } from './score.ts';
import { tinyConfig, tinyModel } from './tiny.ts';

const random = createRandom(8);
const text = (length: number) => Array.from({ length }, () => random.below(31));

test('scores a long text as if each window stood alone, every token once', async () => {
  const model = tinyModel(2);
  const scorer = await createScorer(tinyConfig, { batch: 3, context: 8, threads: 1 });
  const long = text(29);
  const [scores] = await scorer.logLikelihoods(model.weights, [long]);
  expect(scores).toHaveLength(28);
  const [first, second] = await scorer.logLikelihoods(model.weights, [
    long.slice(0, 9),
    long.slice(4, 13),
  ]);
  expect([...scores.slice(0, 8)]).toEqual([...first]);
  expect([...scores.slice(8, 12)]).toEqual([...second.slice(4)]); // tokens 9 to 12, seen from token 4 on
  await scorer.release();
});

test('gives a text the same score whatever stands beside it in the batch', async () => {
  const model = tinyModel(3);
  const scorer = await createScorer(tinyConfig, { batch: 2, context: 8, threads: 1 });
  const texts = [text(9), text(3), text(6), text(1), text(20)];
  const together = await scorer.logLikelihoods(model.weights, texts);
  for (const [i, one] of texts.entries()) {
    const [alone] = await scorer.logLikelihoods(model.weights, [one]);
    expect(together[i]).toHaveLength(alone.length);
    for (const [t, value] of alone.entries()) expect(together[i][t]).toBeCloseTo(value, 5);
  }
  await scorer.release();
});

test('the mean loss is the mean of the scores, and an untrained adapter changes nothing', async () => {
  const model = tinyModel(4);
  const windows = [text(9), text(9), text(9)].map((tokens) => Int32Array.from(tokens));
  const loss = await evaluateLoss(model, windows, { threads: 1 });
  const scorer = await createScorer(tinyConfig, { batch: 3, context: 8, threads: 1 });
  const scores = await scorer.logLikelihoods(model.weights, windows);
  await scorer.release();
  const mean = -scores.flatMap((row) => [...row]).reduce((a, b) => a + b, 0) / 24;
  expect(loss).toBeCloseTo(mean, 5);
  const merged = mergeAdapter(model, initialAdapter(tinyConfig, { rank: 2, alpha: 4, random }));
  expect(await evaluateLoss(merged, windows, { threads: 1 })).toBe(loss);
});

test('refuses tokens outside the vocabulary', async () => {
  const scorer = await createScorer(tinyConfig, { batch: 1, context: 8, threads: 1 });
  for (const token of [31, -1, 0.5]) {
    const scoring = scorer.logLikelihoods(tinyModel(1).weights, [[1, token]]);
    await expect(scoring).rejects.toMatchObject({ code: 'invalid_input' });
  }
  await scorer.release();
});
