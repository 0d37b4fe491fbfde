/**
 * A graph under construction: typed values of known shape, the nodes that compute them, and a tape
 * of derivatives, so that forward pass, backward pass and optimiser become one ONNX graph.
 *
 * Values know their graph, so operators are plain functions of values: `add(a, matmul(b, c))`.
 */
import {
  type ElementType,
  elementTypeOf,
  encodeOnnx,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxPort,
  type OnnxTensor,
  type Shape,
  type TensorData,
} from './onnx.ts';

export type { ElementType, Shape, TensorData } from './onnx.ts';

export type Value = {
  readonly graph: Graph;
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
};

/** From the gradient of the loss in a value to its gradient in one of the value's inputs. */
export type Pullback = (gradient: Value) => Value;

export type TapeEntry = {
  readonly value: Value;
  readonly inputs: readonly (readonly [Value, Pullback])[];
};

export type Graph = {
  readonly nodes: OnnxNode[];
  readonly initializers: OnnxTensor[];
  readonly inputs: OnnxPort[];
  readonly outputs: OnnxPort[];
  readonly tape: TapeEntry[];
  /** Small constants by content, so that a shape or a scalar is stored once. */
  readonly constants: Map<string, Value>;
  nextName: number;
};

export const createGraph = (): Graph => ({
  nodes: [],
  initializers: [],
  inputs: [],
  outputs: [],
  tape: [],
  constants: new Map(),
  nextName: 0,
});

export function input(graph: Graph, name: string, type: ElementType, shape: Shape): Value {
  graph.inputs.push({ name, type, shape });
  return { graph, name, type, shape };
}

/** A value known when the graph is built; the runtime may fold and pre-pack it. */
export function constant(graph: Graph, data: TensorData, shape: Shape): Value {
  if (sizeOf(shape) !== data.length) {
    throw new Error(`A constant of shape [${shape}] cannot hold ${data.length} elements.`);
  }
  const type = elementTypeOf(data);
  const key = data.length <= 8 ? `${type}|${shape}|${data.join()}` : undefined;
  const known = key === undefined ? undefined : graph.constants.get(key);
  if (known) return known;
  const value = { graph, name: freshName(graph), type, shape };
  graph.initializers.push({ name: value.name, shape, data });
  if (key !== undefined) graph.constants.set(key, value);
  return value;
}

export const scalar = (graph: Graph, number: number): Value =>
  constant(graph, Float32Array.of(number), []);

/** Shapes and axes are int64 vectors in ONNX. */
export const integers = (graph: Graph, numbers: readonly number[]): Value =>
  constant(graph, BigInt64Array.from(numbers, BigInt), [numbers.length]);

export type Emission = {
  readonly type?: ElementType;
  readonly shape: Shape;
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
};

/** Adds one ONNX node with one output; float32 unless said otherwise. */
export function emit(operator: string, inputs: readonly Value[], emission: Emission): Value {
  const [value] = emitMany(operator, inputs, [emission.shape], emission);
  return value;
}

/** Adds one ONNX node with an output for each shape. */
export function emitMany(
  operator: string,
  inputs: readonly Value[],
  shapes: readonly Shape[],
  { type = 'float32', attributes = {} }: Omit<Emission, 'shape'>,
): readonly Value[] {
  const { graph } = inputs[0];
  const values = shapes.map((shape) => ({ graph, name: freshName(graph), type, shape }));
  graph.nodes.push({
    operator,
    inputs: inputs.map((value) => value.name),
    outputs: values.map((value) => value.name),
    attributes,
  });
  return values;
}

/** Remembers how gradients flow from a value back to its inputs; inputs left out get none. */
export function differentiable(
  value: Value,
  inputs: readonly (readonly [Value, Pullback])[],
): Value {
  value.graph.tape.push({ value, inputs });
  return value;
}

/** Makes a value readable under a name when the graph runs. */
export function output(value: Value, name: string): void {
  const { graph, type, shape } = value;
  graph.nodes.push({ operator: 'Identity', inputs: [value.name], outputs: [name], attributes: {} });
  graph.outputs.push({ name, type, shape });
}

export const encodeGraph = (graph: Graph): Uint8Array => encodeOnnx(graph);

export const sizeOf = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

const freshName = (graph: Graph): string => `v${graph.nextName++}`;
