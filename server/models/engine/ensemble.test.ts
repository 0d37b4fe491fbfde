import { expect, test } from 'vitest';
import { createRandom } from '../../compute/random.ts';
import { mergeAdapter } from './adapter.ts';
import { trainAdapter } from './adapter-trainer.ts';
import { flatten, scoreEnsemble, trainEnsemble, windowGradients } from './ensemble.ts';
import { createScorer } from './score.ts';
import { countingDocuments, tinyAdapterRecipe, tinyConfig, tinyModel } from './tiny.ts';
import { sampleWindow, tokenStream } from './windows.ts';

const base = tinyModel(7);
const recipe = { ...tinyAdapterRecipe, baseFraction: 0 };
const vocabulary = { separator: recipe.separator, vocabularySize: tinyConfig.vocab_size };
const data = [countingDocuments(8, 1), countingDocuments(8, 2), countingDocuments(8, 3)];
const members = data.map((own, i) => {
  const stream = tokenStream(own, vocabulary);
  return {
    seed: 40 + i,
    // The trainer draws a number for the base's fraction before each window.
    nextWindow: (random: ReturnType<typeof createRandom>) => {
      random.uniform();
      return sampleWindow(stream, recipe.context, random);
    },
  };
});

test('members of an ensemble become what each would have become alone', async () => {
  const { adapters } = await trainEnsemble(base, { ...recipe, members: 2 }, members);
  expect(adapters).toHaveLength(3);
  for (const [i, own] of data.entries()) {
    const alone = await trainAdapter({ ...recipe, seed: 40 + i }, base, { own, base: own });
    const [together, apart] = [flatten(adapters[i]), flatten(alone)];
    const farthest = together.reduce((most, x, j) => Math.max(most, Math.abs(x - apart[j])), 0);
    expect(farthest).toBeLessThan(2e-3);
  }
});

test('scores windows under every adapter as the scorer scores them under each', async () => {
  const { adapters } = await trainEnsemble(base, { ...recipe, members: 3 }, members);
  const random = createRandom(9);
  const windows = Array.from({ length: 5 }, () => members[0].nextWindow(random));
  const scores = await scoreEnsemble(base, adapters, windows, { threads: 1 });
  const scorer = await createScorer(tinyConfig, { batch: 5, context: recipe.context, threads: 1 });
  for (const [i, adapter] of adapters.entries()) {
    const rows = await scorer.logLikelihoods(mergeAdapter(base, adapter).weights, windows);
    for (const [j, row] of rows.entries())
      expect(scores[i][j]).toBeCloseTo(
        row.reduce((a, b) => a + b, 0),
        3,
      );
  }
  await scorer.release();
});

test('gradients of single windows are the slopes of their losses', async () => {
  const { adapters } = await trainEnsemble(base, { ...recipe, members: 3 }, members);
  const random = createRandom(10);
  const windows = Array.from({ length: 3 }, () => members[1].nextWindow(random));
  const rows = await windowGradients(base, adapters[0], windows, { threads: 1 });
  // Along its own gradient a loss changes by the gradient's square.
  for (const [j, gradient] of rows.entries()) {
    const length = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0));
    const moved = (sign: number) => {
      let at = 0;
      const weights = [...adapters[0].weights].map(([name, { shape, data }]) => {
        const shifted = data.map((x) => x + (sign * 1e-2 * gradient[at++]) / length);
        return [name, { shape, data: shifted }] as const;
      });
      return { ...adapters[0], weights: new Map(weights) };
    };
    const scores = await scoreEnsemble(base, [moved(1), moved(-1)], [windows[j]], { threads: 1 });
    const slope = (scores[1][0] - scores[0][0]) / recipe.context / 2e-2;
    expect(Math.abs(slope / length - 1)).toBeLessThan(0.02);
  }
});
