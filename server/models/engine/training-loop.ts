/** Runs a training graph step by step: batches in, progress out, checkpoints on the way. */
import { performance } from 'node:perf_hooks';
import { OpenLedgerError } from '@openledger/protocol';
import { type Random, restoreRandom } from '../../compute/random.ts';
import { type AdamWSettings, adamWScalars } from '../../compute/tensor/adamw.ts';
import type { Graph } from '../../compute/tensor/graph.ts';
import { openSession } from '../../compute/tensor/session.ts';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { learningRateAt, type Schedule } from './schedule.ts';
import type { BatchSize } from './training-graph.ts';
import { copyWeights, type Weights } from './weights.ts';
import { toBatch, type Window } from './windows.ts';

export type TrainingProgress = {
  /** Steps done, of how many. */
  readonly step: number;
  readonly steps: number;
  /** The mean loss of this step's batch before the step, in nats a token. */
  readonly loss: number;
  readonly learningRate: number;
  /** Since this process began or resumed the run. */
  readonly tokensPerSecond: number;
};

export type TrainingSettings = BatchSize & {
  readonly schedule: Schedule;
  readonly optimiser: AdamWSettings;
  readonly seed: number;
  readonly threads: number;
};

export type TrainingHooks = {
  readonly onProgress?: (progress: TrainingProgress) => void | Promise<void>;
  /** Where to store the run every so many steps; a run found there is continued. */
  readonly checkpoints?: { readonly directory: string; readonly everySteps: number };
  /** Stops the run between two steps, with the signal's reason. */
  readonly signal?: AbortSignal;
};

type Task = {
  readonly graph: Graph;
  /** The trained weights before the first step. */
  readonly weights: Weights;
  readonly random: Random;
  readonly nextWindow: (random: Random) => Window;
  readonly settings: TrainingSettings;
  /** Identifies recipe and data: a checkpoint of another run is refused. */
  readonly fingerprint: string;
  readonly hooks: TrainingHooks;
};

/**
 * Trains to the last step and returns the trained weights.
 *
 * An interrupted run that resumes from its checkpoint ends with the same bytes as one that was not interrupted.
 *
 * @throws conflict when the checkpoint directory belongs to another run
 * @throws unprocessable when the loss stops being a number
 */
export async function runTraining(task: Task): Promise<Weights> {
  const { hooks, settings } = task;
  const { schedule, optimiser, batch, context, threads } = settings;
  const begun = await beginOrResume(task);
  const random = restoreRandom(begun.random);
  const session = await openSession(task.graph, { threads });
  // Two sets of arrays take turns: one is read while the other is written.
  let state = stateArrays(begun);
  let spare = stateArrays({ ...begun, ...copyState(begun) });
  const startedMs = performance.now();
  try {
    for (let step = begun.step + 1; step <= schedule.steps; step++) {
      hooks.signal?.throwIfAborted();
      const learningRate = learningRateAt(step, schedule);
      const windows = Array.from({ length: batch }, () => task.nextWindow(random));
      const inputs = { ...toBatch(windows), ...adamWScalars(step, learningRate, optimiser) };
      const { loss } = await session.run({ ...state, ...inputs }, asOutputs(spare));
      [state, spare] = [spare, state];
      if (!Number.isFinite(loss[0])) {
        throw new OpenLedgerError('unprocessable', 'Training diverged: lower the learning rate.', {
          step,
        });
      }
      const seconds = (performance.now() - startedMs) / 1000;
      const tokensPerSecond = ((step - begun.step) * batch * context) / seconds;
      await hooks.onProgress?.({
        step,
        steps: schedule.steps,
        loss: loss[0],
        learningRate,
        tokensPerSecond,
      });
      if (hooks.checkpoints && step % hooks.checkpoints.everySteps === 0) {
        await writeCheckpoint(hooks.checkpoints.directory, {
          fingerprint: task.fingerprint,
          step,
          random: random.state(),
          ...fromArrays(task.weights, state),
        });
      }
    }
  } finally {
    await session.release();
  }
  return fromArrays(task.weights, state).weights;
}

async function beginOrResume({ fingerprint, weights, random, hooks }: Task): Promise<Checkpoint> {
  const found = hooks.checkpoints && (await readCheckpoint(hooks.checkpoints.directory));
  if (!found) {
    const zeros = (): Weights =>
      new Map(
        [...weights].map(([name, { shape, data }]) => [
          name,
          { shape, data: new Float32Array(data.length) },
        ]),
      );
    return {
      fingerprint,
      step: 0,
      random: random.state(),
      weights: copyWeights(weights),
      m: zeros(),
      v: zeros(),
    };
  }
  if (found.fingerprint === fingerprint) return found;
  throw new OpenLedgerError(
    'conflict',
    'The checkpoints in this directory belong to another run.',
    {
      directory: hooks.checkpoints?.directory,
    },
  );
}

type State = Pick<Checkpoint, 'weights' | 'm' | 'v'>;
type StateArrays = Readonly<Record<string, Float32Array>>;

/** Input names of the training graph: `w`, `m.w`, `v.w`. */
const stateArrays = ({ weights, m, v }: State): StateArrays =>
  Object.fromEntries([
    ...[...weights].map(([name, { data }]) => [name, data] as const),
    ...[...m].map(([name, { data }]) => [`m.${name}`, data] as const),
    ...[...v].map(([name, { data }]) => [`v.${name}`, data] as const),
  ]);

const asOutputs = (arrays: StateArrays): StateArrays =>
  Object.fromEntries(Object.entries(arrays).map(([name, data]) => [`next.${name}`, data]));

const copyState = ({ weights, m, v }: State): State => ({
  weights: copyWeights(weights),
  m: copyWeights(m),
  v: copyWeights(v),
});

function fromArrays(shapes: Weights, arrays: StateArrays): State {
  const part = (prefix: string): Weights =>
    new Map(
      [...shapes].map(([name, { shape }]) => [name, { shape, data: arrays[`${prefix}${name}`] }]),
    );
  return { weights: part(''), m: part('m.'), v: part('v.') };
}
