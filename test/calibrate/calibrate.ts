/** One calibration: retrains for the truth, scores by every method, and lays the two side by side. */
import type { Scores } from '../../server/compute/influence/estimators.ts';
import {
  bootstrapMean,
  datamodellingScores,
  type Interval,
  type Masks,
  sumByPlayer,
  type Truth,
} from '../../server/compute/influence/metrics.ts';
import { halfMasks, partMask } from '../../server/compute/influence/subset-ridge.ts';
import { spearman } from '../../server/compute/spearman.ts';
import { DATA_INF, ridgeName, scoreMethods } from './methods.ts';
import {
  makeSetting,
  ofPlayers,
  retrain,
  type Setting,
  type Size,
  seededBelow,
} from './setting.ts';
import type { Texts } from './texts.ts';

export type Plan = {
  readonly size: Size;
  /** Ensembles to try, the largest last. */
  readonly ensembles: readonly number[];
  /** Retrained subsets of each kind, each once for every seed. */
  readonly subsets: number;
};

/** Seeds: the ensemble and the methods' own training have 1, what they are held against has these. */
export const TRUTH_SEEDS = [4, 5] as const;
const ENSEMBLE_SEED = 500;
const SUBSET_SEED = 600;

export const KINDS = [
  'contributor LDS, alpha 0.5',
  'record LDS, alpha 0.5',
  'record LDS, alpha 0.9',
  'leave one contributor out',
] as const;
type Kind = (typeof KINDS)[number];

/** The agreement of two retrainings with each other, and how high a perfect score of their mean could come. */
export type Ceiling = { readonly agreement: number; readonly attainable: number };

export type Calibration = {
  readonly texts: string;
  readonly plan: Plan;
  readonly records: number;
  readonly queries: number;
  readonly retrainings: number;
  readonly seconds: number;
  readonly ceilings: Readonly<Record<Kind, Ceiling>>;
  readonly rows: readonly {
    readonly method: string;
    readonly by: Readonly<Record<Kind, Interval>>;
  }[];
  /** Contributor LDS of the largest ensemble less DataInf's, query by query. */
  readonly aboveDataInf: Interval;
};

export async function calibrate(
  texts: Texts,
  plan: Plan,
  say: (line: string) => void,
): Promise<Calibration> {
  const begun = performance.now();
  const told = (line: string) =>
    say(`${((performance.now() - begun) / 1000).toFixed(0)} s: ${line}\n`);
  const setting = await makeSetting(texts, plan.size);
  told(`base trained; ${setting.records.length} records, ${setting.queries.length} queries`);
  const most = plan.ensembles[plan.ensembles.length - 1];
  const masks = halfMasks(plan.size.players, { count: most, seed: ENSEMBLE_SEED });
  const answers = await retrain(setting, ofPlayers(setting, masks), 1);
  told(`${most} subset adapters`);
  const methods = await scoreMethods(setting, { masks, answers, sizes: plan.ensembles });
  told(`${methods.size} methods`);
  const examinations: Examination[] = [];
  for (const kind of KINDS) {
    examinations.push(await examine(setting, plan, kind));
    told(kind);
  }
  const perQuery = (method: string, { agreementOf }: Examination) =>
    agreementOf(methods.get(method) ?? []);
  const best = perQuery(ridgeName(most), examinations[0]);
  const peer = perQuery(DATA_INF, examinations[0]);
  return {
    ...{ texts: texts.name, plan },
    records: setting.records.length,
    queries: setting.queries.length,
    retrainings: most + 1 + examinations.reduce((sum, { retrainings }) => sum + retrainings, 0),
    ceilings: byKind((i) => examinations[i].ceiling),
    rows: [...methods.keys()].map((method) => ({
      method,
      by: byKind((i) => bootstrapMean(perQuery(method, examinations[i]), 7)),
    })),
    aboveDataInf: bootstrapMean(
      best.map((value, query) => value - peer[query]),
      7,
    ),
    seconds: (performance.now() - begun) / 1000,
  };
}

type Examination = {
  readonly ceiling: Ceiling;
  readonly retrainings: number;
  /** Of record scores with the mean of the retrainings, query by query. */
  readonly agreementOf: (scores: Scores) => readonly number[];
};

async function examine(setting: Setting, plan: Plan, kind: Kind): Promise<Examination> {
  const masks = masksOf(setting, plan, kind);
  const leavesOut = kind === 'leave one contributor out';
  const runs: Truth[] = [];
  for (const seed of TRUTH_SEEDS) runs.push(await retrain(setting, masks, seed));
  const truth = runs[0].map((row, query) => row.map((value, i) => (value + runs[1][query][i]) / 2));
  const own = mean(runs[0].map((row, query) => spearman(row, runs[1][query])));
  const { playerOf, size } = setting;
  return {
    retrainings: masks.length * TRUTH_SEEDS.length,
    // Spearman and Brown: the reliability of the mean of two; its root bounds the correlation of anything with it.
    ceiling: { agreement: own, attainable: Math.sqrt(Math.max(0, (2 * own) / (1 + own))) },
    agreementOf: (scores) =>
      leavesOut
        ? sumByPlayer(scores, playerOf, size.players).map((row, query) =>
            spearman(
              row,
              truth[query].map((value) => -value),
            ),
          )
        : datamodellingScores(scores, masks, truth),
  };
}

function masksOf(setting: Setting, { subsets, size }: Plan, kind: Kind): Masks {
  const below = seededBelow(SUBSET_SEED + KINDS.indexOf(kind));
  const draw = (things: number, part: number) =>
    Array.from({ length: subsets }, () => partMask(things, Math.round(things * part), below));
  const records = setting.records.length;
  if (kind === 'record LDS, alpha 0.5') return draw(records, 0.5);
  if (kind === 'record LDS, alpha 0.9') return draw(records, 0.9);
  if (kind === 'contributor LDS, alpha 0.5') return ofPlayers(setting, draw(size.players, 0.5));
  const without = Array.from({ length: size.players }, (_, player) =>
    new Uint8Array(size.players).fill(1).with(player, 0),
  );
  return ofPlayers(setting, without);
}

const byKind = <Value>(of: (index: number) => Value): Readonly<Record<Kind, Value>> => ({
  [KINDS[0]]: of(0),
  [KINDS[1]]: of(1),
  [KINDS[2]]: of(2),
  [KINDS[3]]: of(3),
});

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
