import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRandom } from '../../compute/random.ts';
import { defaultSampling, repeating, sample } from './sample.ts';

const plain = { continuation: undefined, banned: new Set<number>(), alternatives: 3 };

test('at temperature 0 the likeliest token comes, whatever the seed', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.integer({ min: -200, max: 200 }).map((tenths) => tenths / 10),
        { minLength: 5, maxLength: 50 },
      ),
      fc.nat(),
      (list, seed) => {
        const logits = Float32Array.from(list);
        const settings = { ...defaultSampling, temperature: 0 };
        const { token } = sample(logits, { ...plain, settings, random: createRandom(seed) });
        expect(logits[token]).toBe(Math.max(...logits));
      },
    ),
  );
});

test('a long match lets the counted token win over the model', () => {
  const logits = Float32Array.from([5, 0, 0]);
  const continuation = { matchLength: 8, counts: new Map([[2, 3]]), total: 3 };
  const settings = { ...defaultSampling, topP: 0.5 };
  const { token } = sample(logits, { ...plain, settings, continuation, random: createRandom(7) });
  expect(token).toBe(2);
});

test('the same seed draws the same tokens, and frequencies follow the distribution', () => {
  const logits = Float32Array.from([Math.log(0.5), Math.log(0.3), Math.log(0.2)]);
  const settings = { temperature: 1, topK: 3, topP: 1 };
  const drawMany = (seed: number) => {
    const random = createRandom(seed);
    return Array.from({ length: 3000 }, () => sample(logits, { ...plain, settings, random }).token);
  };
  expect(drawMany(3)).toEqual(drawMany(3));
  const ones = drawMany(3).filter((token) => token === 1).length;
  expect(ones / 3000).toBeCloseTo(0.3, 1);
});

test('bans what would repeat an n-gram, and nothing in the prompt', () => {
  expect([...repeating([1, 2, 3, 9, 1, 2], { from: 0, size: 3 })]).toEqual([3]);
  expect([...repeating([1, 2, 3, 9, 1, 2], { from: 4, size: 3 })]).toEqual([]);
});
