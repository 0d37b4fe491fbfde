/**
 * The setting in which metagradients are defined: plain stochastic gradient descent in float64. A word's first two
 * letters are told from the four words before it, by a multinomial logistic model on EIP text.
 */
import { gradDot, type Scores } from '../../server/compute/influence/estimators.ts';
import { exactInfluence } from '../../server/compute/influence/exact.ts';
import {
  type LogisticProblem,
  lossGradient,
  lossOf,
} from '../../server/compute/influence/logistic.ts';
import {
  metagradient,
  type SgdRun,
  trainSgd,
} from '../../server/compute/influence/metagradient.ts';
import {
  bootstrapMean,
  datamodellingScores,
  type Interval,
  type Truth,
} from '../../server/compute/influence/metrics.ts';
import { partMask } from '../../server/compute/influence/subset-ridge.ts';
import { createRandom } from '../../server/compute/random.ts';
import type { Texts } from './texts.ts';

export type SgdRow = { readonly method: string; readonly half: Interval; readonly most: Interval };

const [FEATURES, CLASSES, RECORDS, STEPS] = [24, 8, 240, 150];

export type SgdPlan = { readonly queries: number; readonly subsets: number };

export function calibrateSgd({ players }: Texts, plan: SgdPlan): readonly SgdRow[] {
  const examples = examplesOf(players, RECORDS + plan.queries);
  const records = examples.slice(0, RECORDS);
  const queries = examples.slice(RECORDS);
  const random = createRandom(31);
  const run: SgdRun = {
    start: new Float64Array(FEATURES * CLASSES),
    rate: 1,
    batches: Array.from({ length: STEPS }, () =>
      Array.from({ length: 16 }, () => random.below(RECORDS)),
    ),
    records: RECORDS,
    gradient: (theta, record) =>
      lossGradient(theta, records[record].row, records[record].label, CLASSES),
  };
  const methods = scoresOf(run, { records, queries });
  const examine = (part: number) => {
    const masks = Array.from({ length: plan.subsets }, () =>
      partMask(RECORDS, Math.round(RECORDS * part), random.below),
    );
    const ends = masks.map((mask) => trainSgd(run, mask)[STEPS]);
    const truth: Truth = queries.map(({ row, label }) =>
      Float64Array.from(ends, (theta) => -lossOf(theta, row, label, CLASSES)),
    );
    return (scores: Scores) => bootstrapMean(datamodellingScores(scores, masks, truth), 7);
  };
  const [half, most] = [examine(0.5), examine(0.9)];
  return methods.map(([method, scores]) => ({ method, half: half(scores), most: most(scores) }));
}

type Example = { readonly row: Float64Array; readonly label: number };

function scoresOf(
  run: SgdRun,
  {
    records,
    queries,
  }: { readonly records: readonly Example[]; readonly queries: readonly Example[] },
): readonly (readonly [string, Scores])[] {
  const sweep = (weight: number): Scores => {
    const path = trainSgd(run, new Float64Array(RECORDS).fill(weight));
    const end = path[STEPS];
    return queries.map(({ row, label }) =>
      metagradient(run, path, {
        weight,
        direction: lossGradient(end, row, label, CLASSES).map((value) => -value),
      }),
    );
  };
  const nodes = [0.1, 0.3, 0.5, 0.7, 0.9].map(sweep);
  const path = trainSgd(run, new Float64Array(RECORDS).fill(1));
  const end = path[STEPS];
  const problem: LogisticProblem = {
    rows: records.map(({ row }) => row),
    labels: records.map(({ label }) => label),
    ...{ classes: CLASSES, lambda: 1 / STEPS },
  };
  const moment = {
    records: records.map((_, record) => run.gradient(end, record)),
    queries: queries.map(({ row, label }) => lossGradient(end, row, label, CLASSES)),
  };
  const average = nodes[0].map((row, query) =>
    row.map((_, record) => nodes.reduce((sum, one) => sum + one[query][record], 0) / nodes.length),
  );
  return [
    ['metagradient, path-integrated over five weights', average],
    ['metagradient at full weight', sweep(1)],
    [
      'exact influence of the penalised problem, at the run’s end',
      exactInfluence(problem, end, queries),
    ],
    ['gradient dot', gradDot(moment)],
  ];
}

/** The four words before, as hashed letters; which of eight the next word begins like. */
function examplesOf(players: Texts['players'], count: number): readonly Example[] {
  const random = createRandom(30);
  const words = players.map((documents) => documents.join(' ').match(/[a-z]{2,}/g) ?? []);
  const vectors = new Map<string, Float64Array>();
  const vectorOf = (word: string): Float64Array => {
    const known = vectors.get(word);
    if (known) return known;
    const drawn = Float64Array.from({ length: FEATURES }, random.gaussian);
    vectors.set(word, drawn);
    return drawn;
  };
  return Array.from({ length: count }, (_, i) => {
    const own = words[i % words.length];
    const at = random.below(own.length - 4);
    const row = new Float64Array(FEATURES);
    for (const word of own.slice(at, at + 4))
      for (const [j, value] of vectorOf(word).entries()) row[j] += value / 2 / Math.sqrt(FEATURES);
    return { row, label: own[at + 4].charCodeAt(0) % CLASSES };
  });
}
