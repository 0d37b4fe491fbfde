import { expect, test } from 'vitest';
import {
  drawSegments,
  ScoreRequest,
  statesAgree,
  WORKER_VERSION,
  WorkerResult,
  workerResultHash,
} from './training-worker.ts';

const hash = (n: number) => n.toString(16).padStart(64, '0');
const result = (segments = 10): WorkerResult => ({
  ...{ version: WORKER_VERSION, run: `run_${'1'.repeat(32)}`, recipe: hash(1), influence: null },
  ...{ snapshots: [hash(2)], worker: `0x${'a'.repeat(40)}` },
  adapter: [{ name: 'adapter_model.safetensors', sha256: hash(3), bytes: 10 }],
  segments: Array.from({ length: segments }, (_, i) => ({
    ...{ fromStep: 50 * i, toStep: 50 * (i + 1), loss: 4_000_000 },
    ...{ before: hash(100 + i), after: hash(101 + i) },
  })),
});

test('a result is of segments that follow each other', () => {
  expect(WorkerResult.parse(result())).toEqual(result());
  const { segments } = result();
  const wrong = [
    segments.slice(1),
    segments.toReversed(),
    segments.map((one) => ({ ...one, before: hash(7) })),
    segments.map((one) => ({ ...one, toStep: one.fromStep })),
  ];
  for (const segments of wrong)
    expect(WorkerResult.safeParse({ ...result(), segments }).success).toBe(false);
  expect(ScoreRequest.safeParse({ prompt: '', output: '' }).success).toBe(false);
});

test('the draw hangs on the log and on the result, falls on every segment alike, and on none twice', () => {
  const counts = new Array(10).fill(0);
  for (let root = 0; root < 1000; root++) {
    const drawn = drawSegments(result(), { root: hash(root), count: 3 });
    expect(new Set(drawn).size).toBe(3);
    for (const index of drawn) counts[index] += 1;
  }
  for (const count of counts) expect(Math.abs(count - 300)).toBeLessThan(75);
  expect(drawSegments(result(2), { root: hash(1), count: 5 })).toEqual([0, 1]);
  expect(workerResultHash(result())).not.toBe(workerResultHash(result(9)));
});

test('states agree within a tolerance, and not when one of their numbers was moved far', () => {
  const state = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i));
  const near = state.map((x) => x * (1 + 1e-6));
  const far = state.map((x, i) => (i === 500 ? x + 1 : x));
  expect(statesAgree(state, near, 1e-4)).toBe(true);
  expect(statesAgree(state, far, 1e-4)).toBe(false);
  expect(statesAgree(state, state.subarray(1), 1)).toBe(false);
  for (const number of [Infinity, Number.NaN, 1e200]) {
    expect(statesAgree([number, 9, 9], [1, 2, 3], 1e-3)).toBe(false);
  }
});
