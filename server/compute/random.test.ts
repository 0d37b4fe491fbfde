import { expect, test } from 'vitest';
import { createRandom, restoreRandom } from './random.ts';

/** xoshiro128** in 64-bit integers, straight from its definition. */
function reference(state: readonly number[], count: number): number[] {
  const word = (value: bigint) => BigInt.asUintN(32, value);
  const rotate = (value: bigint, by: bigint) => word((value << by) | (value >> (32n - by)));
  const s = state.map(BigInt);
  return Array.from({ length: count }, () => {
    const result = word(rotate(word(s[1] * 5n), 7n) * 9n);
    const t = word(s[1] << 9n);
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11n);
    return Number(result);
  });
}

test('draws the words of xoshiro128**', () => {
  const random = createRandom(42);
  const expected = reference(random.state(), 1_000);
  expect(Array.from({ length: 1_000 }, random.next)).toEqual(expected);
});

test('fills its state with the published output of SplitMix64', () => {
  // The first output for seed 0 is 0xe220a8397b1dcdaf, the second 0x6e789e6aa1b965f4.
  expect(createRandom(0n).state()).toEqual([0x7b1dcdaf, 0xe220a839, 0xa1b965f4, 0x6e789e6a]);
});

test('resumes exactly from a stored state', () => {
  const random = createRandom(7n);
  for (let i = 0; i < 100; i++) random.gaussian();
  const resumed = restoreRandom(random.state());
  expect(Array.from({ length: 50 }, resumed.uniform)).toEqual(
    Array.from({ length: 50 }, random.uniform),
  );
});

test('draws bounded integers without favour and gaussians with the right moments', () => {
  const random = createRandom(1);
  const counts = [0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < 70_000; i++) counts[random.below(7)]++;
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);

  const draws = Array.from({ length: 50_000 }, random.gaussian);
  const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
  const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
  expect(mean).toBeCloseTo(0, 1);
  expect(variance).toBeCloseTo(1, 1);
  expect(() => random.below(0)).toThrow();
});
