/** For tests: compares emitted gradients with finite differences of the loss. */
import { createRandom } from '../random.ts';
import { gradients } from './gradients.ts';
import { createGraph, type Graph, input, output, type Shape, sizeOf, type Value } from './graph.ts';
import { type Arrays, openSession } from './session.ts';

export type GradientCase = {
  /** The float32 inputs to differentiate in; drawn at random unless values are given. */
  readonly parameters: Readonly<Record<string, Shape | { shape: Shape; data: Float32Array }>>;
  /** Inputs held fixed. */
  readonly fixed?: Readonly<Record<string, Int32Array>>;
  /** Builds a scalar loss. */
  readonly loss: (inputs: Readonly<Record<string, Value>>, graph: Graph) => Value;
};

/**
 * The worst disagreement between the backward pass and central differences, relative to the larger of the two; the
 * steepest elements of every parameter and some random ones are tried.
 *
 * float32 limits what can be expected: about 1e-3 for smooth functions of moderate size.
 */
export async function worstGradientError(
  { parameters, fixed = {}, loss }: GradientCase,
  { seed = 1, elements = 6, step = 1e-2 } = {},
): Promise<number> {
  const random = createRandom(seed);
  const graph = createGraph();
  const values: Record<string, Value> = {};
  const arrays: Record<string, Float32Array | Int32Array> = { ...fixed };
  for (const [name, given] of Object.entries(parameters)) {
    const shape = 'shape' in given ? given.shape : given;
    values[name] = input(graph, name, 'float32', shape);
    arrays[name] =
      'shape' in given ? given.data : Float32Array.from({ length: sizeOf(shape) }, random.gaussian);
  }
  for (const [name, data] of Object.entries(fixed)) {
    values[name] = input(graph, name, 'int32', [data.length]);
  }
  const total = loss(values, graph);
  const names = Object.keys(parameters);
  output(total, 'loss');
  const slopes = gradients(
    total,
    names.map((name) => values[name]),
  );
  for (const [i, slope] of slopes.entries()) output(slope, `slope.${names[i]}`);

  const session = await openSession(graph, { threads: 1 });
  const lossAt = async (at: Arrays): Promise<number> => (await session.run(at)).loss[0];
  const computed = await session.run(arrays);
  let worst = 0;
  for (const name of names) {
    const analytic = computed[`slope.${name}`].slice();
    const array = arrays[name];
    for (const i of elementsToTry(analytic, elements, random.below)) {
      const kept = array[i];
      array[i] = kept + step;
      const above = await lossAt(arrays);
      array[i] = kept - step;
      const below = await lossAt(arrays);
      array[i] = kept;
      const numeric = (above - below) / (2 * step);
      const size = Math.max(Math.abs(numeric), Math.abs(analytic[i]), 1e-2);
      worst = Math.max(worst, Math.abs(numeric - analytic[i]) / size);
    }
  }
  await session.release();
  return worst;
}

function elementsToTry(
  slopes: Float32Array,
  count: number,
  below: (bound: number) => number,
): readonly number[] {
  const steepest = [...slopes.keys()].sort((a, b) => Math.abs(slopes[b]) - Math.abs(slopes[a]));
  const chosen = Array.from({ length: Math.ceil(count / 2) }, () => below(slopes.length));
  return [...new Set([...steepest.slice(0, Math.floor(count / 2)), ...chosen])];
}
