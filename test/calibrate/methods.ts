/** Every method's scores of every record for every query. */
import {
  type Block,
  dampedFisher,
  dataInf,
  gradDot,
  type Moment,
  preconditionedGradDot,
  projectGradients,
  type Scores,
  tracIn,
} from '../../server/compute/influence/estimators.ts';
import type { Masks, Truth } from '../../server/compute/influence/metrics.ts';
import { ridgeScores, scoresInsideGroups } from '../../server/compute/influence/subset-ridge.ts';
import type { Adapter } from '../../server/models/engine/adapter.ts';
import {
  flatten,
  type Trained,
  trainEnsemble,
  windowGradients,
} from '../../server/models/engine/ensemble.ts';
import { learningRateAt } from '../../server/models/engine/schedule.ts';
import { memberOf, type Setting } from './setting.ts';
import { covered, prior, similarity } from './text-scores.ts';

export const DATA_INF = 'DataInf';
export const TRACE = 'trace (runs of 4 tokens)';
export const PRECONDITIONED = 'gradient dot, Adam-preconditioned';
export const ridgeName = (adapters: number): string => `ridge on ${adapters} subset adapters`;

export type Methods = ReadonlyMap<string, Scores>;

export async function scoreMethods(
  setting: Setting,
  ensemble: { readonly masks: Masks; readonly answers: Truth; readonly sizes: readonly number[] },
): Promise<Methods> {
  const { base, recipe, records, queries, playerOf } = setting;
  const { steps } = recipe.schedule;
  const at = [0.2, 0.4, 0.6, 0.8, 1].map((part) => Math.round(part * steps));
  const everything = memberOf(setting, new Uint8Array(records.length).fill(1), 1);
  const { shown } = await trainEnsemble(base, { ...recipe, members: 1 }, [everything], { at });
  const moments: Moment[] = [];
  for (const { adapter } of shown)
    moments.push({
      records: await windowGradients(base, adapter, records, setting),
      queries: await windowGradients(base, adapter, queries, setting),
    });
  const last = moments[moments.length - 1];
  const checkpoints = (scores: readonly Scores[]) =>
    tracIn(scores.map((one, i) => ({ rate: learningRateAt(at[i], recipe.schedule), scores: one })));
  const precondition = (moment: Moment, i: number): Scores =>
    preconditionedGradDot(moment, { second: secondOf(shown[i], at[i], setting), epsilon: 1e-8 });
  const preconditioned = moments.map(precondition);
  const blocks = blocksOf(shown[0].adapter);
  const inside = preconditioned[preconditioned.length - 1];
  const ridges = ensemble.sizes.map((count): [string, Scores] => {
    const groups = ridgeScores(
      ensemble.masks.slice(0, count),
      ensemble.answers.map((row) => row.subarray(0, count)),
      { strength: RIDGE_STRENGTH },
    );
    return [
      ridgeName(count),
      scoresInsideGroups(groups, inside, playerOf, new Uint8Array(playerOf.length).fill(1)),
    ];
  });
  const projected = projectGradients(last, { blocks, side: 8, seed: 1 });
  return new Map<string, Scores>([
    ...ridges,
    [PRECONDITIONED, inside],
    ['TracIn, 5 checkpoints, Adam-preconditioned', checkpoints(preconditioned)],
    ['TracIn, 5 checkpoints', checkpoints(moments.map(gradDot))],
    ['gradient dot', gradDot(last)],
    [DATA_INF, dataInf(last, { blocks, damping: 0.1 })],
    ['damped Fisher', dampedFisher(last, { damping: 0.1 })],
    ['LoGra-style projection (8 x 8), damped Fisher', dampedFisher(projected, { damping: 0.1 })],
    ['text similarity (TF-IDF)', similarity(setting)],
    [TRACE, covered(setting, 4)],
    ['prior', prior(setting)],
  ]);
}

/** Chosen before the run, for all K alike, as the server has it. */
const RIDGE_STRENGTH = 0.6;

function secondOf({ second }: Trained, step: number, { recipe }: Setting): Float64Array {
  const correction = 1 - recipe.optimiser.beta2 ** step;
  return flatten(second).map((value) => value / correction);
}

/** The factors of an adapter where they stand in its flat gradient. */
function blocksOf({ weights }: Adapter): readonly Block[] {
  let offset = 0;
  return [...weights.values()].map(({ shape: [rows, columns] }) => {
    const block = { offset, rows, columns };
    offset += rows * columns;
    return block;
  });
}
