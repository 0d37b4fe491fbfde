import { expect, test } from 'vitest';
import { createRandom } from '../../server/compute/random.ts';
import { sleep } from '../../server/platform/clock.ts';
import { openLoop } from './open-loop.ts';
import { percentile } from './percentiles.ts';

const crowd = { seconds: 0.5, perSecond: 400, mostOutstanding: 1_000, random: createRandom(1) };

/** Answers nobody for the first 200 ms, then everybody at once. */
function stallingAtFirst(): () => Promise<void> {
  const stalled = sleep(200);
  return () => stalled;
}

test('charges a stall to everybody who came meanwhile, not to the first alone', async () => {
  const { latenciesMs } = await openLoop({ ...crowd, ask: stallingAtFirst() });

  const waitedLong = latenciesMs.filter((waitedMs) => waitedMs > 50);
  expect(waitedLong.length).toBeGreaterThan(30); // 400 a second for 150 ms are 60
});

test('counts whom it turned away', async () => {
  const run = await openLoop({ ...crowd, mostOutstanding: 10, ask: stallingAtFirst() });

  expect(run.dropped).toBeGreaterThan(0);
  expect(run.latenciesMs.length + run.dropped).toBe(run.offered);
});

test('names a percentile that was measured', () => {
  expect(percentile([3, 1, 2, 4], 0.5)).toBe(2);
  expect(percentile([3, 1, 2, 4], 0.99)).toBe(4);
  expect(percentile([], 0.5)).toBeNaN();
});
