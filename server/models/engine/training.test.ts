import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mergeAdapter } from './adapter.ts';
import { trainAdapter } from './adapter-trainer.ts';
import { trainBase } from './base-trainer.ts';
import { bigramLoss } from './bigram.ts';
import { encodeSafetensors } from './safetensors.ts';
import { evaluateLoss } from './score.ts';
import { countingDocuments, tinyAdapterRecipe, tinyBaseRecipe, tinyConfig } from './tiny.ts';
import type { TrainingProgress } from './training-loop.ts';
import type { Model, Weights } from './weights.ts';
import { fixedWindows, tokenStream } from './windows.ts';

const data = countingDocuments(40, 1);
const other = countingDocuments(6, 2);
const vocabulary = { separator: 0, vocabularySize: tinyConfig.vocab_size };
const bytesOf = (tensors: Weights) => Buffer.from(encodeSafetensors({ tensors, metadata: {} }));

let folder: string;
let base: Model;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openledger-training-'));
  base = await trainBase(tinyBaseRecipe, data);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('learns: beats a bigram on documents it never saw', async () => {
  const steps = 400;
  const schedule = { ...tinyBaseRecipe.schedule, steps };
  const progress: TrainingProgress[] = [];
  const recipe = { ...tinyBaseRecipe, schedule };
  const model = await trainBase(recipe, data, { onProgress: (each) => void progress.push(each) });
  expect(progress.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, i) => i + 1));
  expect(progress[3].learningRate).toBeCloseTo(1e-2, 10);
  expect(progress.at(-1)?.learningRate).toBeCloseTo(1e-3, 10);
  expect(progress[0].tokensPerSecond).toBeGreaterThan(0);

  const windows = fixedWindows(tokenStream(countingDocuments(20, 3), vocabulary), {
    context: 12,
    count: 20,
  });
  const loss = await evaluateLoss(model, windows, { threads: 1 });
  const bigram = bigramLoss(tokenStream(data, vocabulary), windows, vocabulary);
  expect(progress[0].loss).toBeGreaterThan(3);
  expect(loss).toBeLessThan(bigram - 0.1);
});

test('the same recipe and data give the same bytes, another seed gives others', async () => {
  expect(bytesOf((await trainBase(tinyBaseRecipe, data)).weights)).toEqual(bytesOf(base.weights));
  const adapt = (seed: number) =>
    trainAdapter({ ...tinyAdapterRecipe, seed, threads: 2 }, base, { own: other, base: data });
  const first = bytesOf((await adapt(1)).weights);
  expect(bytesOf((await adapt(1)).weights)).toEqual(first);
  expect(bytesOf((await adapt(2)).weights)).not.toEqual(first);
});

test('an adapter lowers the loss on its own documents and leaves the base untouched', async () => {
  const before = bytesOf(base.weights);
  const windows = fixedWindows(tokenStream(other, vocabulary), { context: 12, count: 9 });
  const adapter = await trainAdapter(tinyAdapterRecipe, base, { own: other, base: data });
  const adapted = await evaluateLoss(mergeAdapter(base, adapter), windows, { threads: 1 });
  expect(adapted).toBeLessThan((await evaluateLoss(base, windows, { threads: 1 })) - 0.05);
  expect(bytesOf(base.weights)).toEqual(before);
});

test('a run cut off and resumed ends with the bytes of one that was not', async () => {
  const directory = join(folder, 'resumed');
  const checkpoints = { directory, everySteps: 5 };
  const stop = new AbortController();
  const cut = trainBase(tinyBaseRecipe, data, {
    checkpoints,
    signal: stop.signal,
    onProgress: ({ step }) => {
      if (step === 17) stop.abort(new Error('cut off'));
    },
  });
  await expect(cut).rejects.toThrow('cut off');
  expect(await readdir(directory)).toEqual([
    'step-00000010.safetensors',
    'step-00000015.safetensors',
  ]);
  await writeFile(join(directory, 'step-00000020.safetensors.draft'), 'half a checkpoint');

  const steps: number[] = [];
  const resumed = await trainBase(tinyBaseRecipe, data, {
    checkpoints,
    onProgress: ({ step }) => void steps.push(step),
  });
  expect(steps[0]).toBe(16);
  expect(bytesOf(resumed.weights)).toEqual(bytesOf(base.weights));
});

test('a damaged checkpoint costs the steps since the one before it, not the run', async () => {
  const directory = join(folder, 'damaged');
  const checkpoints = { directory, everySteps: 10 };
  await trainBase(tinyBaseRecipe, data, { checkpoints });
  await truncate(join(directory, 'step-00000020.safetensors'), 1_000);
  const steps: number[] = [];
  const resumed = await trainBase(tinyBaseRecipe, data, {
    checkpoints,
    onProgress: ({ step }) => void steps.push(step),
  });
  expect(steps[0]).toBe(11);
  expect(bytesOf(resumed.weights)).toEqual(bytesOf(base.weights));
  for (const name of await readdir(directory)) await truncate(join(directory, name), 1_000);
  const hopeless = trainBase(tinyBaseRecipe, data, { checkpoints });
  await expect(hopeless).rejects.toMatchObject({ code: 'invalid_input' });
});

test('an adapter run resumes exactly too, and refuses the checkpoints of another run', async () => {
  const directory = join(folder, 'adapter');
  const checkpoints = { directory, everySteps: 7 };
  const sources = { own: other, base: data };
  const whole = await trainAdapter(tinyAdapterRecipe, base, sources);
  const cut = trainAdapter(tinyAdapterRecipe, base, sources, {
    checkpoints,
    onProgress: ({ step }) => {
      if (step === 20) throw new Error('power cut');
    },
  });
  await expect(cut).rejects.toThrow('power cut');
  const resumed = await trainAdapter(tinyAdapterRecipe, base, sources, { checkpoints });
  expect(bytesOf(resumed.weights)).toEqual(bytesOf(whole.weights));

  const stranger = trainAdapter({ ...tinyAdapterRecipe, seed: 99 }, base, sources, { checkpoints });
  await expect(stranger).rejects.toMatchObject({ code: 'conflict' });
});

test('refuses data without tokens, out of order, or outside the vocabulary', async () => {
  for (const wrong of [
    { tokens: new Int32Array(0), documents: [] },
    { tokens: Int32Array.of(1, 2, 3), documents: [0, 2, 1] },
    { tokens: Int32Array.of(1, 2, 3), documents: [1] },
    { tokens: Int32Array.of(1, 2, 3), documents: [0, 9] },
    { tokens: Int32Array.of(1, 31), documents: [0] },
  ]) {
    await expect(trainBase(tinyBaseRecipe, wrong)).rejects.toMatchObject({ code: 'invalid_input' });
  }
});

test('stops with a clear error when the loss is no longer a number', async () => {
  const schedule = { ...tinyBaseRecipe.schedule, peakLearningRate: 1e30, warmupSteps: 1 };
  const diverging = trainBase({ ...tinyBaseRecipe, schedule }, data);
  await expect(diverging).rejects.toMatchObject({ code: 'unprocessable' });
});
