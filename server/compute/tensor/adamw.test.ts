import { expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { type AdamWSettings, adamWScalars, emitAdamW } from './adamw.ts';
import { gradients } from './gradients.ts';
import { createGraph, input } from './graph.ts';
import { add, mean, multiply, subtract } from './operators.ts';
import { openSession } from './session.ts';

const settings: AdamWSettings = {
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.1,
  maxGradientNorm: 0.5,
};
const learningRate = 0.01;

/** The loss: mean((w - a)^2) + mean((b - c)^2), with w a matrix (decays) and b a vector (does not). */
async function fromGraph(steps: number, start: number[], aim: number[]): Promise<number[]> {
  const graph = createGraph();
  const w = input(graph, 'w', 'float32', [2, 2]);
  const b = input(graph, 'b', 'float32', [3]);
  const a = input(graph, 'a', 'float32', [2, 2]);
  const c = input(graph, 'c', 'float32', [3]);
  const distance = [subtract(w, a), subtract(b, c)].map((d) => mean(multiply(d, d)));
  const [slopeW, slopeB] = gradients(add(distance[0], distance[1]), [w, b]);
  const trained = [
    { weight: w, gradient: slopeW },
    { weight: b, gradient: slopeB },
  ];
  emitAdamW(trained, settings);
  const session = await openSession(graph, { threads: 1 });
  const aims = { a: Float32Array.from(aim.slice(0, 4)), c: Float32Array.from(aim.slice(4)) };
  let state: Record<string, Float32Array> = {
    w: Float32Array.from(start.slice(0, 4)),
    b: Float32Array.from(start.slice(4)),
    'm.w': new Float32Array(4),
    'v.w': new Float32Array(4),
    'm.b': new Float32Array(3),
    'v.b': new Float32Array(3),
  };
  for (let step = 1; step <= steps; step++) {
    const next = await session.run({
      ...state,
      ...aims,
      ...adamWScalars(step, learningRate, settings),
    });
    state = Object.fromEntries(Object.keys(state).map((name) => [name, next[`next.${name}`]]));
  }
  await session.release();
  return [...state.w, ...state.b];
}

/** The algorithm as the paper writes it, one number at a time. */
function byHand(steps: number, start: number[], aim: number[]): number[] {
  const theta = [...start];
  const m = theta.map(() => 0);
  const v = theta.map(() => 0);
  for (let t = 1; t <= steps; t++) {
    const slope = theta.map((x, i) => (2 * (x - aim[i])) / (i < 4 ? 4 : 3));
    const norm = Math.hypot(...slope);
    const clip = Math.min(1, settings.maxGradientNorm / (norm + 1e-6));
    for (const [i, raw] of slope.entries()) {
      const g = raw * clip;
      m[i] = settings.beta1 * m[i] + (1 - settings.beta1) * g;
      v[i] = settings.beta2 * v[i] + (1 - settings.beta2) * g * g;
      const mHat = m[i] / (1 - settings.beta1 ** t);
      const vHat = v[i] / (1 - settings.beta2 ** t);
      if (i < 4) theta[i] -= learningRate * settings.weightDecay * theta[i];
      theta[i] -= (learningRate * mHat) / (Math.sqrt(vHat) + settings.epsilon);
    }
  }
  return theta;
}

test('moves as AdamW by hand: clipped, bias-corrected, decaying matrices only', async () => {
  const random = createRandom(3);
  const start = Array.from({ length: 7 }, random.gaussian);
  const aim = Array.from({ length: 7 }, random.gaussian);
  const [graph, hand] = [await fromGraph(25, start, aim), byHand(25, start, aim)];
  for (const [i, expected] of hand.entries()) expect(graph[i]).toBeCloseTo(expected, 4);
});
