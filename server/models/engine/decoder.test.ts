import { expect, test } from 'vitest';
import { createRandom } from '../../compute/random.ts';
import { createDecoder } from './decoder.ts';
import { createScorer } from './score.ts';
import { tinyConfig, tinyModel } from './tiny.ts';

const random = createRandom(9);
const text = (length: number) => Array.from({ length }, () => random.below(31));
const model = tinyModel(6);
const settings = { batch: 3, maxLength: 60, threads: 1 };

/** Log-probability of a token under scores. */
function logProbability(logits: Float32Array, token: number): number {
  const top = Math.max(...logits);
  const total = logits.reduce((sum, score) => sum + Math.exp(score - top), 0);
  return logits[token] - top - Math.log(total);
}

test('rows at different positions answer as the whole text scored at once would', async () => {
  const decoder = await createDecoder(model, settings);
  const scorer = await createScorer(tinyConfig, { batch: 3, context: 60, threads: 1 });
  const texts = [text(50), text(10), text(33)];
  const prompts = [40, 1, 32]; // more than one chunk, one token, exactly a chunk
  const expected = await scorer.logLikelihoods(model.weights, texts);

  const next = new Map<number, Float32Array>();
  for (const row of [2, 0, 1]) {
    next.set(row, await decoder.prefill(row, texts[row].slice(0, prompts[row])));
  }
  let checked = 0;
  for (;;) {
    const entries = [...next].flatMap(([row, logits]) => {
      const at = decoder.length(row);
      if (at >= texts[row].length) return [];
      const token = texts[row][at];
      expect(logProbability(logits, token)).toBeCloseTo(expected[row][at - 1], 3);
      checked++;
      return [{ row, token }];
    });
    if (entries.length === 0) break;
    const logits = await decoder.step(entries);
    for (const [i, { row }] of entries.entries()) next.set(row, logits[i]);
  }
  expect(checked).toBe(10 + 9 + 1);
  await decoder.release();
  await scorer.release();
});

test('a row that was reset remembers nothing of the request before, and disturbs no neighbour', async () => {
  const decoder = await createDecoder(model, settings);
  const prompt = text(7);
  const fresh = await decoder.prefill(0, prompt);
  await decoder.prefill(1, text(41));
  decoder.reset(1);
  expect(decoder.length(1)).toBe(0);
  expect(await decoder.prefill(1, prompt)).toEqual(fresh);
  const [own, neighbour] = await decoder.step([
    { row: 1, token: 5 },
    { row: 0, token: 5 },
  ]);
  expect(own).toEqual(neighbour);
  expect(decoder.length(2)).toBe(0);
  await decoder.release();
});

test('refuses what does not fit: positions, tokens, length', async () => {
  const tooLong = createDecoder(model, { ...settings, maxLength: 65 });
  await expect(tooLong).rejects.toMatchObject({ code: 'invalid_input' });
  const decoder = await createDecoder(model, settings);
  await expect(decoder.prefill(0, text(61))).rejects.toMatchObject({ code: 'invalid_input' });
  await expect(decoder.prefill(0, [31])).rejects.toMatchObject({ code: 'invalid_input' });
  await expect(decoder.step([{ row: 0, token: -1 }])).rejects.toMatchObject({
    code: 'invalid_input',
  });
  expect(decoder.length(0)).toBe(0);
  await decoder.release();
});
