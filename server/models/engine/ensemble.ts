/** Ensembles of adapters at work: training them beside each other, their log-likelihoods, gradients of single windows. */
import { createRandom, type Random } from '../../compute/random.ts';
import { type AdamWSettings, adamWScalars } from '../../compute/tensor/adamw.ts';
import { openSession } from '../../compute/tensor/session.ts';
import { type Adapter, initialAdapter } from './adapter.ts';
import {
  type EnsembleSize,
  ensembleGradientGraph,
  ensembleScoringGraph,
  ensembleTrainingGraph,
} from './ensemble-graph.ts';
import { learningRateAt, type Schedule } from './schedule.ts';
import type { BatchSize } from './training-graph.ts';
import type { Model } from './weights.ts';
import { toBatch, type Window } from './windows.ts';

export type EnsembleRecipe = BatchSize & {
  readonly rank: number;
  readonly alpha: number;
  readonly schedule: Schedule;
  readonly optimiser: AdamWSettings;
  /** Members trained in one graph. */
  readonly members: number;
  readonly threads: number;
};

/** One training of an adapter: its seed, and where its next window comes from. */
export type Member = {
  readonly seed: number;
  readonly nextWindow: (random: Random) => Window;
};

/** An adapter somewhere in its training, with Adam's second moment there (not corrected for its bias). */
export type Trained = { readonly adapter: Adapter; readonly second: Adapter };

/**
 * Trains each member as `trainAdapter` trains an adapter whose windows are the member's.
 *
 * @param options.at steps after which to show the first member, ascending
 * @returns for each member the finished adapter, and for the first one what it was after the steps `at`
 */
export async function trainEnsemble(
  base: Model,
  recipe: EnsembleRecipe,
  members: readonly Member[],
  {
    at = [],
    onStep,
  }: {
    readonly at?: readonly number[];
    /** Of all members' steps, how many are done. */
    readonly onStep?: (done: number) => void;
  } = {},
): Promise<{ readonly adapters: readonly Adapter[]; readonly shown: readonly Trained[] }> {
  const { members: size, optimiser, schedule } = recipe;
  const template = initialAdapter(base.config, { ...recipe, random: createRandom(0) });
  const graph = ensembleTrainingGraph(base, template, recipe, optimiser);
  const session = await openSession(graph, recipe);
  const adapters: Adapter[] = [];
  const shown: Trained[] = [];
  for (let from = 0; from < members.length; from += size) {
    const chosen = members.slice(from, from + size);
    // The last group is filled with copies of its first member, which are thrown away.
    const full = [...chosen, ...Array<Member>(size - chosen.length).fill(chosen[0])];
    const randoms = full.map(({ seed }) => createRandom(seed));
    let state = stateOf(
      randoms.map((random) => initialAdapter(base.config, { ...recipe, random })),
    );
    let spare = copyOf(state);
    for (let step = 1; step <= schedule.steps; step++) {
      const windows = full.flatMap(({ nextWindow }, i) =>
        Array.from({ length: recipe.batch }, () => nextWindow(randoms[i])),
      );
      const scalars = adamWScalars(step, learningRateAt(step, schedule), optimiser);
      await session.run({ ...state, ...toBatch(windows), ...scalars }, asOutputs(spare));
      [state, spare] = [spare, state];
      onStep?.(from * schedule.steps + step * chosen.length);
      if (from === 0 && at.includes(step)) {
        shown.push({
          adapter: memberOf(template, state, { prefix: '', member: 0 }),
          second: memberOf(template, state, { prefix: 'v.', member: 0 }),
        });
      }
    }
    adapters.push(...chosen.map((_, member) => memberOf(template, state, { prefix: '', member })));
  }
  await session.release();
  return { adapters, shown };
}

/**
 * Each window's summed log-likelihood under each adapter, in nats: [adapters][windows]. One batch mixes adapters and
 * windows.
 */
export async function scoreEnsemble(
  base: Model,
  adapters: readonly Adapter[],
  windows: readonly Window[],
  { threads }: { readonly threads: number },
): Promise<readonly Float64Array[]> {
  const context = windows[0].length - 1;
  const batch = Math.min(32, windows.length);
  const members = Math.min(8, adapters.length);
  const size: EnsembleSize = { members, batch, context };
  const session = await openSession(ensembleScoringGraph(base, adapters[0], size), { threads });
  const scores = adapters.map(() => new Float64Array(windows.length));
  for (let first = 0; first < adapters.length; first += members) {
    const chosen = filled(adapters.slice(first, first + members), members);
    const factors = stack(chosen);
    for (let at = 0; at < windows.length; at += batch) {
      const some = filled(windows.slice(at, at + batch), batch);
      const { losses } = await session.run({
        ...factors,
        ...toBatch(Array.from({ length: members }, () => some).flat()),
      });
      for (let i = 0; i < losses.length; i++) {
        const member = first + Math.floor(i / (batch * context));
        const window = at + (Math.floor(i / context) % batch);
        if (member < adapters.length && window < windows.length)
          scores[member][window] -= losses[i];
      }
    }
  }
  await session.release();
  return scores;
}

/** All of `eachWindowGradient` at once: megabytes for a handful of windows. */
export async function windowGradients(
  ...given: Parameters<typeof eachWindowGradient>
): Promise<readonly Float64Array[]> {
  const rows: Float64Array[] = [];
  for await (const row of eachWindowGradient(...given)) rows.push(row);
  return rows;
}

/**
 * The gradient of each window's mean loss in an adapter's factors, all factors in one array, in their order.
 *
 * One by one: a row is as large as the adapter in float64, so those of all records of a snapshot would not fit in memory.
 */
export async function* eachWindowGradient(
  base: Model,
  adapter: Adapter,
  windows: readonly Window[],
  { threads }: { readonly threads: number },
): AsyncGenerator<Float64Array> {
  const size = { members: Math.min(32, windows.length), batch: 1, context: windows[0].length - 1 };
  const session = await openSession(ensembleGradientGraph(base, adapter, size), { threads });
  const factors = stack(filled([adapter], size.members));
  for (let at = 0; at < windows.length; at += size.members) {
    const some = windows.slice(at, at + size.members);
    const batch = toBatch(filled(some, size.members));
    const mask = new Float32Array(batch.tokens.length).fill(1 / size.context);
    const slopes = await session.run({ ...factors, ...batch, mask });
    for (const member of some.keys()) {
      const parts = [...adapter.weights].map(([name, { data }]) =>
        slopes[`slope.${name}`].subarray(member * data.length, (member + 1) * data.length),
      );
      yield joined(parts);
    }
  }
  await session.release();
}

/** An adapter's factors in one array, in their order. */
export const flatten = ({ weights }: Adapter): Float64Array =>
  joined([...weights.values()].map(({ data }) => data));

export function joined(parts: readonly Float32Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

type Arrays = Readonly<Record<string, Float32Array>>;

/** Names of the training graph: `w`, `m.w`, `v.w`. */
function stateOf(adapters: readonly Adapter[]): Arrays {
  const weights = stack(adapters);
  const moments = Object.entries(weights).flatMap(([name, { length }]) => [
    [`m.${name}`, new Float32Array(length)] as const,
    [`v.${name}`, new Float32Array(length)] as const,
  ]);
  return { ...weights, ...Object.fromEntries(moments) };
}

export function stack(adapters: readonly Adapter[]): Arrays {
  const stacked: Record<string, Float32Array> = {};
  for (const [name, { data }] of adapters[0].weights) {
    stacked[name] = new Float32Array(adapters.length * data.length);
    for (const [i, { weights }] of adapters.entries())
      stacked[name].set(weights.get(name)?.data ?? [], i * data.length);
  }
  return stacked;
}

function memberOf(
  template: Adapter,
  state: Arrays,
  { prefix, member }: { readonly prefix: string; readonly member: number },
): Adapter {
  const weights = [...template.weights].map(([name, { shape, data }]) => {
    const from = member * data.length;
    return [name, { shape, data: state[prefix + name].slice(from, from + data.length) }] as const;
  });
  return { ...template, weights: new Map(weights) };
}

const copyOf = (arrays: Arrays): Arrays =>
  Object.fromEntries(Object.entries(arrays).map(([name, data]) => [name, data.slice()]));

const asOutputs = (arrays: Arrays): Arrays =>
  Object.fromEntries(Object.entries(arrays).map(([name, data]) => [`next.${name}`, data]));

const filled = <Item>(items: readonly Item[], size: number): readonly Item[] => [
  ...items,
  ...Array<Item>(size - items.length).fill(items[0]),
];
