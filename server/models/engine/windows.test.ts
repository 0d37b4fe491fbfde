import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRandom } from '../../compute/random.ts';
import { bigramLoss } from './bigram.ts';
import { learningRateAt } from './schedule.ts';
import { fixedWindows, sampleWindow, splitHeldOut, toBatch, tokenStream } from './windows.ts';

const vocabulary = { separator: 9, vocabularySize: 10 };
const data = { tokens: Uint16Array.of(1, 2, 3, 4, 5, 6, 7), documents: [0, 3, 4] };

test('puts a separator before each document', () => {
  expect([...tokenStream(data, vocabulary)]).toEqual([9, 1, 2, 3, 9, 4, 9, 5, 6, 7]);
});

test('windows read the stream as a ring, so that even one token is enough to train on', () => {
  const stream = tokenStream({ tokens: Int32Array.of(4), documents: [0] }, vocabulary);
  const window = [...sampleWindow(stream, 5, createRandom(1))];
  expect(window).toHaveLength(6);
  for (const [i, token] of window.slice(1).entries()) expect(token).toBe(window[i] === 9 ? 4 : 9);
});

test('fixed windows do not overlap and are the same every time', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 200 }),
      fc.integer({ min: 1, max: 30 }),
      (length, count) => {
        const stream = Int32Array.from({ length }, (_, i) => i);
        const windows = fixedWindows(stream, { context: 4, count });
        expect(windows).toHaveLength(Math.min(count, Math.floor(length / 5)));
        const seen = windows.flatMap((window) => [...window]);
        expect(new Set(seen).size).toBe(seen.length);
        expect(fixedWindows(stream, { context: 4, count })).toEqual(windows);
      },
    ),
  );
});

test('targets are the inputs moved by one', () => {
  const { tokens, targets } = toBatch([Int32Array.of(1, 2, 3), Int32Array.of(7, 8, 9)]);
  expect([...tokens]).toEqual([1, 2, 7, 8]);
  expect([...targets]).toEqual([2, 3, 8, 9]);
});

test('holds out whole documents, and every document lands on one side', () => {
  const { training, heldOut } = splitHeldOut(data, 2);
  expect(training).toEqual({ tokens: Int32Array.of(1, 2, 3, 5, 6, 7), documents: [0, 3] });
  expect(heldOut).toEqual({ tokens: Int32Array.of(4), documents: [0] });
});

test('holds something out of the smallest data, and trains on the rest', () => {
  const few = splitHeldOut({ ...data, documents: [0, 3, 3, 4] }, 20); // one of them empty
  expect(few.training).toEqual({ tokens: Int32Array.of(1, 2, 3, 4), documents: [0, 3] });
  expect(few.heldOut).toEqual({ tokens: Int32Array.of(5, 6, 7), documents: [0] });
  const one = splitHeldOut({ ...data, documents: [0] }, 4);
  expect(one.training.tokens).toEqual(Int32Array.of(1, 2, 3, 4, 5));
  expect(one.heldOut.tokens).toEqual(Int32Array.of(6, 7));
});

test('the learning rate warms up in a line and cools down in half a cosine', () => {
  const schedule = { steps: 110, warmupSteps: 10, peakLearningRate: 2, finalFraction: 0.1 };
  expect(learningRateAt(1, schedule)).toBeCloseTo(0.2);
  expect(learningRateAt(10, schedule)).toBe(2);
  expect(learningRateAt(60, schedule)).toBeCloseTo(1.1);
  expect(learningRateAt(110, schedule)).toBeCloseTo(0.2);
});

test('a bigram predicts a certain successor almost surely, and a random one no better than chance', () => {
  const sure = Int32Array.from({ length: 1_000 }, (_, i) => i % 10);
  expect(bigramLoss(sure, [sure.slice(0, 50)], vocabulary)).toBeLessThan(0.02);
  const random = createRandom(4);
  const noise = Int32Array.from({ length: 20_000 }, () => random.below(10));
  const loss = bigramLoss(
    noise,
    [Int32Array.from({ length: 2_000 }, () => random.below(10))],
    vocabulary,
  );
  expect(loss).toBeCloseTo(Math.log(10), 1);
});
