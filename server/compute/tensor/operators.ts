/**
 * The elementary operators, each with its derivative.
 *
 * Broadcasting is NumPy's: shapes are aligned at the right, a size of 1 stretches. The gradient of a
 * stretched input is the sum over the stretched axes.
 */
import {
  differentiable,
  emit,
  emitMany,
  integers,
  type Shape,
  scalar,
  sizeOf,
  type Value,
} from './graph.ts';

export const add = (a: Value, b: Value): Value =>
  differentiable(elementwise('Add', a, b), [
    [a, (g) => sumTo(g, a.shape)],
    [b, (g) => sumTo(g, b.shape)],
  ]);

export const subtract = (a: Value, b: Value): Value =>
  differentiable(elementwise('Sub', a, b), [
    [a, (g) => sumTo(g, a.shape)],
    [b, (g) => sumTo(negate(g), b.shape)],
  ]);

export const multiply = (a: Value, b: Value): Value =>
  differentiable(elementwise('Mul', a, b), [
    [a, (g) => sumTo(multiply(g, b), a.shape)],
    [b, (g) => sumTo(multiply(g, a), b.shape)],
  ]);

export const scale = (a: Value, factor: number): Value => multiply(a, scalar(a.graph, factor));

export const negate = (a: Value): Value =>
  differentiable(emit('Neg', [a], { shape: a.shape }), [[a, (g) => negate(g)]]);

/** Matrix product over the last two axes: [..., m, k] x [..., k, n] -> [..., m, n]; leading axes must be equal. */
export function matmul(a: Value, b: Value): Value {
  const [m, k] = a.shape.slice(-2);
  const [rows, n] = b.shape.slice(-2);
  const leading = a.shape.slice(0, -2);
  if (k !== rows || leading.join() !== b.shape.slice(0, -2).join()) {
    throw new Error(`Cannot multiply [${a.shape}] by [${b.shape}].`);
  }
  return differentiable(emit('MatMul', [a, b], { shape: [...leading, m, n] }), [
    [a, (g) => matmul(g, swapLastAxes(b))],
    [b, (g) => matmul(swapLastAxes(a), g)],
  ]);
}

/** A dense layer with a weight as files store it: x [n, in], weight [out, in] -> x weight^T, [n, out]. */
export const linear = (x: Value, weight: Value): Value =>
  differentiable(gemm(x, weight, { transposeB: true }), [
    [x, (g) => gemm(g, weight, {})], // [n, out] x [out, in]
    [weight, (g) => gemm(g, x, { transposeA: true })], // [out, n] x [n, in]
  ]);

/** General matrix product of two matrices; transposing costs nothing, the kernel reads in that order. */
function gemm(
  a: Value,
  b: Value,
  { transposeA = false, transposeB = false }: { transposeA?: boolean; transposeB?: boolean },
): Value {
  const [m, k] = transposeA ? [a.shape[1], a.shape[0]] : a.shape;
  const [rows, n] = transposeB ? [b.shape[1], b.shape[0]] : b.shape;
  if (a.shape.length !== 2 || b.shape.length !== 2 || k !== rows) {
    throw new Error(`Cannot multiply [${a.shape}] by [${b.shape}] as matrices.`);
  }
  const attributes = { transA: { int: Number(transposeA) }, transB: { int: Number(transposeB) } };
  return emit('Gemm', [a, b], { shape: [m, n], attributes });
}

export function reshape(a: Value, shape: Shape): Value {
  if (sizeOf(shape) !== sizeOf(a.shape)) throw new Error(`[${a.shape}] does not fill [${shape}].`);
  return differentiable(emit('Reshape', [a, integers(a.graph, shape)], { type: a.type, shape }), [
    [a, (g) => reshape(g, a.shape)],
  ]);
}

/** Axis i of the result is axis `order[i]` of the input. */
export function transpose(a: Value, order: readonly number[]): Value {
  const shape = order.map((axis) => a.shape[axis]);
  const inverse = order.map((_, axis) => order.indexOf(axis));
  const attributes = { perm: { ints: order } };
  return differentiable(emit('Transpose', [a], { shape, attributes }), [
    [a, (g) => transpose(g, inverse)],
  ]);
}

function swapLastAxes(a: Value): Value {
  const axes = a.shape.map((_, axis) => axis);
  return transpose(a, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
}

/** Exchanges the two halves of the last axis: [..., x1, x2] -> [..., x2, x1]; its own transpose. */
export function swapHalves(a: Value): Value {
  const half = a.shape[a.shape.length - 1] / 2;
  const shape = [...a.shape.slice(0, -1), half];
  const sizes = integers(a.graph, [half, half]);
  const [first, second] = emitMany('Split', [a, sizes], [shape, shape], {
    attributes: { axis: { int: -1 } },
  });
  const attributes = { axis: { int: -1 } };
  return differentiable(emit('Concat', [second, first], { shape: a.shape, attributes }), [
    [a, (g) => swapHalves(g)],
  ]);
}

/** Sums over some axes, which stay with size 1. */
export function sum(a: Value, axes: readonly number[]): Value {
  const shape = a.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const attributes = { keepdims: { int: 1 } };
  return differentiable(emit('ReduceSum', [a, integers(a.graph, axes)], { shape, attributes }), [
    [a, (g) => expand(g, a.shape)],
  ]);
}

/** The mean of all elements, a scalar. */
export function mean(a: Value): Value {
  const everyAxis = a.shape.map((_, axis) => axis);
  return scale(reshape(sum(a, everyAxis), []), 1 / sizeOf(a.shape));
}

export const expand = (a: Value, shape: Shape): Value =>
  differentiable(emit('Expand', [a, integers(a.graph, shape)], { type: a.type, shape }), [
    [a, (g) => sumTo(g, a.shape)],
  ]);

/** Undoes broadcasting: sums the axes that were stretched from `shape`. */
function sumTo(a: Value, shape: Shape): Value {
  const added = a.shape.length - shape.length;
  const stretched = a.shape.flatMap((size, axis) =>
    axis < added || (shape[axis - added] === 1 && size !== 1) ? [axis] : [],
  );
  const summed = stretched.length > 0 ? sum(a, stretched) : a;
  return added > 0 ? reshape(summed, shape) : summed;
}

function elementwise(operator: string, a: Value, b: Value): Value {
  return emit(operator, [a, b], { shape: broadcast(a.shape, b.shape) });
}

function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[a.length - rank + axis] ?? 1;
    const right = b[b.length - rank + axis] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new Error(`[${a}] and [${b}] cannot be broadcast together.`);
    }
    return Math.max(left, right);
  });
}
