/**
 * Exact influence beside retraining, on a small made-up problem and on the real one, 563 EIPs of 333 contributors.
 *
 * The data lies beside the project, in ../shared/data, and is never part of it; without it that test skips.
 */
import { existsSync, readFileSync } from 'node:fs';
import { expect, type TestContext, test } from 'vitest';
import { solveCholesky } from '../cholesky.ts';
import { createRandom } from '../random.ts';
import { spearman } from '../spearman.ts';
import {
  dampedFisher,
  dataInf,
  gradDot,
  projectGradients,
  type Scores,
  tracIn,
} from './estimators.ts';
import { exactInfluence, type Query } from './exact.ts';
import {
  fitLogistic,
  type LogisticProblem,
  largest,
  lossGradient,
  lossOf,
  objectiveGradient,
  objectiveHessian,
  type Theta,
} from './logistic.ts';
import { datamodellingScores, type Masks, sumByPlayer, type Truth } from './metrics.ts';

const PROBLEM = '../shared/data/golden/influence/problem.json';

type Golden = {
  readonly classes: readonly string[];
  readonly lambda: number;
  readonly train: readonly { readonly group: string; readonly y: number; readonly x: number[] }[];
  readonly test: readonly { readonly y: number; readonly x: number[] }[];
};

type Case = {
  readonly problem: LogisticProblem;
  readonly queries: readonly Query[];
  /** The contributor of each row, counted from 0, the largest first. */
  readonly playerOf: readonly number[];
  readonly players: number;
};

test('says on a small problem what retraining says', (context) => {
  const rows = compare(smallCase(), { left: 12, subsets: 24 });
  report(context, rows);
  expect(rows.exact.leftOut).toBeGreaterThan(0.97);
  expect(rows.exact.halves).toBeGreaterThan(0.9);
});

test('says on the EIPs what retraining without each of the 40 largest contributors says', {
  timeout: 240_000,
}, (context) => {
  if (!existsSync(PROBLEM)) context.skip(`${PROBLEM} is not here`);
  if (!existsSync(PROBLEM)) return;
  const rows = compare(goldenCase(), { left: 40, subsets: 64 });
  report(context, rows);
  expect(rows.exact.leftOut).toBeGreaterThanOrEqual(0.98);
  expect(rows.exact.halves).toBeGreaterThanOrEqual(0.93);
});

function goldenCase(): Case {
  const golden: Golden = JSON.parse(readFileSync(PROBLEM, 'utf8'));
  const counts = new Map<string, number>();
  for (const { group } of golden.train) counts.set(group, (counts.get(group) ?? 0) + 1);
  const bySize = [...counts.keys()].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
  const numberOf = new Map(bySize.map((group, i) => [group, i]));
  return {
    problem: {
      rows: golden.train.map(({ x }) => Float64Array.from(x)),
      labels: golden.train.map(({ y }) => y),
      classes: golden.classes.length,
      lambda: golden.lambda,
    },
    queries: golden.test.map(({ x, y }) => ({ row: Float64Array.from(x), label: y })),
    playerOf: golden.train.map(({ group }) => numberOf.get(group) ?? -1),
    players: bySize.length,
  };
}

/** Each of 24 contributors writes about one class, with noise and some wrong labels. */
function smallCase(): Case {
  const random = createRandom(3);
  const [features, classes, players] = [12, 3, 24];
  const centres = Array.from({ length: classes }, () =>
    Float64Array.from({ length: features }, random.gaussian),
  );
  const draw = (topic: number) => {
    const label = random.uniform() < 0.15 ? random.below(classes) : topic;
    return { label, row: centres[topic].map((x) => (x + 1.5 * random.gaussian()) / 4) };
  };
  const training = Array.from({ length: players }, (_, player) =>
    Array.from({ length: 3 + (player % 5) }, () => ({ player, ...draw(player % classes) })),
  ).flat();
  return {
    problem: {
      ...{ classes, lambda: 0.01 },
      rows: training.map(({ row }) => row),
      labels: training.map(({ label }) => label),
    },
    queries: Array.from({ length: 40 }, (_, i) => draw(i % classes)),
    playerOf: training.map(({ player }) => player),
    players,
  };
}

type Agreement = { readonly leftOut: number; readonly halves: number };

/** Each mode beside retraining: without each of the largest contributors, and on random halves of the rows. */
function compare(
  { problem, queries, playerOf, players }: Case,
  { left, subsets }: { readonly left: number; readonly subsets: number },
): { readonly exact: Agreement } & Readonly<Record<string, Agreement>> {
  const theta = fitLogistic(problem);
  const retrain = retrainer(problem, theta);
  const logLikelihoods = (at: Theta) =>
    queries.map(({ row, label }) => -lossOf(at, row, label, problem.classes));
  const truthOf = (masks: Masks): Truth => {
    const values = masks.map((mask) => logLikelihoods(retrain(mask)));
    return queries.map((_, query) => Float64Array.from(values, (row) => row[query]));
  };
  const without = Array.from({ length: left }, (_, player) =>
    Uint8Array.from(playerOf, (owner) => (owner === player ? 0 : 1)),
  );
  const random = createRandom(64);
  const halves = Array.from({ length: subsets }, () => halfOf(playerOf.length, random.below));
  const whole = logLikelihoods(theta);
  const lost = truthOf(without).map((row, query) => row.map((value) => whole[query] - value));
  const halfTruth = truthOf(halves);
  const agreement = (scores: Scores): Agreement => ({
    leftOut: mean(
      sumByPlayer(scores, playerOf, players).map((row, query) =>
        spearman(row.subarray(0, left), lost[query]),
      ),
    ),
    halves: mean(datamodellingScores(scores, halves, halfTruth)),
  });
  const scores = otherModes({ problem, theta, queries });
  return {
    exact: agreement(exactInfluence(problem, theta, queries)),
    ...Object.fromEntries(Object.entries(scores).map(([name, one]) => [name, agreement(one)])),
  };
}

function otherModes({
  problem,
  theta,
  queries,
}: {
  readonly problem: LogisticProblem;
  readonly theta: Theta;
  readonly queries: readonly Query[];
}): Readonly<Record<string, Scores>> {
  const { rows, labels, classes } = problem;
  const momentAt = (at: Theta) => ({
    records: rows.map((row, i) => lossGradient(at, row, labels[i], classes)),
    queries: queries.map(({ row, label }) => lossGradient(at, row, label, classes)),
  });
  const moment = momentAt(theta);
  const blocks = [{ offset: 0, rows: classes, columns: rows[0].length }];
  const onTheWay = [0, 0.5, 1].map((part) => ({
    rate: 1,
    scores: gradDot(momentAt(theta.map((value) => part * value))),
  }));
  return {
    gradDot: gradDot(moment),
    'TracIn, three points from zero': tracIn(onTheWay),
    DataInf: dataInf(moment, { blocks, damping: 0.1 }),
    'damped Fisher': dampedFisher(moment, { damping: 0.1 }),
    'projected, 32 columns': dampedFisher(projectGradients(moment, { blocks, side: 32, seed: 1 }), {
      damping: 0.1,
    }),
  };
}

/**
 * Retrains by descent until no slope is above 1e-8: whatever the preconditioner, that is the one optimum of a convex
 * problem. The curvature of all rows, halved where half of them are gone, makes it quick.
 */
function retrainer(problem: LogisticProblem, theta: Theta): (mask: Uint8Array) => Theta {
  const curvature = objectiveHessian(problem, theta, new Float64Array(problem.rows.length).fill(1));
  return (mask) => {
    const at = theta.slice();
    const kept = mask.reduce((sum, isIn) => sum + isIn, 0) / mask.length;
    const rate = 2 / (1 + kept);
    for (let round = 0; round < 500; round++) {
      const slope = objectiveGradient(problem, at, mask);
      if (largest(slope) < 1e-8) return at;
      const step = solveCholesky(curvature, slope);
      for (let i = 0; i < at.length; i++) at[i] -= rate * step[i];
    }
    throw new Error('The retraining did not converge.');
  };
}

function halfOf(size: number, below: (bound: number) => number): Uint8Array {
  const mask = new Uint8Array(size);
  const order = Array.from({ length: size }, (_, i) => i);
  for (let chosen = 0; chosen < size / 2; chosen++) {
    const other = chosen + below(size - chosen);
    [order[chosen], order[other]] = [order[other], order[chosen]];
    mask[order[chosen]] = 1;
  }
  return mask;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function report(context: TestContext, rows: Readonly<Record<string, Agreement>>): void {
  for (const [mode, { leftOut, halves }] of Object.entries(rows)) {
    context.annotate(
      `${mode}: without a contributor ${leftOut.toFixed(4)}, halves ${halves.toFixed(4)}`,
    );
  }
}
