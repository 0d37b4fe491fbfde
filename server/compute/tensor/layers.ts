/** The building blocks of a transformer that are worth a derivative by hand: fewer nodes, fewer passes over memory. */
import { constant, differentiable, emit, scalar, type Value } from './graph.ts';
import { expand, multiply, reshape, subtract, sum } from './operators.ts';

/** Softmax over the last axis. */
export function softmax(a: Value): Value {
  const lastAxis = a.shape.length - 1;
  const p = emit('Softmax', [a], { shape: a.shape, attributes: { axis: { int: -1 } } });
  return differentiable(p, [
    [
      a,
      (g) => {
        const weighted = multiply(g, p);
        return subtract(weighted, multiply(p, sum(weighted, [lastAxis])));
      },
    ],
  ]);
}

/** x * sigmoid(x). Source: Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units", 2017. */
export function silu(x: Value): Value {
  const { graph, shape } = x;
  const s = emit('Sigmoid', [x], { shape });
  const y = emit('Mul', [x, s], { shape });
  // d/dx x s(x) = s + x s (1 - s) = s + y (1 - s)
  return differentiable(y, [
    [
      x,
      (g) => {
        const tail = emit('Mul', [y, emit('Sub', [scalar(graph, 1), s], { shape })], { shape });
        return multiply(g, emit('Add', [s, tail], { shape }));
      },
    ],
  ]);
}

/**
 * Root-mean-square normalisation over the last axis: x / sqrt(mean(x^2) + epsilon) * weight.
 *
 * Source: Zhang, Sennrich, "Root mean square layer normalization", 2019, eq. 4.
 *
 * @param x [n, width]
 * @param weight [width]
 */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  const { graph, shape } = x;
  const column = [shape[0], 1];
  const meanOf = (a: Value): Value =>
    emit('ReduceMean', [a, constant(graph, BigInt64Array.of(1n), [1])], {
      shape: column,
      attributes: { keepdims: { int: 1 } },
    });
  const meanSquare = meanOf(emit('Mul', [x, x], { shape }));
  const root = emit(
    'Sqrt',
    [emit('Add', [meanSquare, scalar(graph, epsilon)], { shape: column })],
    {
      shape: column,
    },
  );
  const inverse = emit('Reciprocal', [root], { shape: column }); // [n, 1]
  const normal = emit('Mul', [x, inverse], { shape }); // [n, width]
  return differentiable(emit('Mul', [normal, weight], { shape }), [
    [
      x,
      (g) => {
        const scaled = multiply(g, weight);
        const along = meanOf(emit('Mul', [scaled, normal], { shape })); // the part that only changes the length
        return multiply(inverse, subtract(scaled, multiply(normal, along)));
      },
    ],
    [weight, (g) => reshape(sum(multiply(g, normal), [0]), weight.shape)],
  ]);
}

/**
 * Looks up rows: table [vocabulary, width], tokens [n] (int32) -> [n, width].
 *
 * The gradient is scattered element by element in order, so that equal tokens add up the same way every time
 * (ScatterND may add in parallel).
 */
export function embed(table: Value, tokens: Value): Value {
  const shape = [tokens.shape[0], table.shape[1]];
  const rows = emit('Gather', [table, tokens], { shape, attributes: { axis: { int: 0 } } });
  return differentiable(rows, [
    [
      table,
      (g) => {
        const zeros = expand(scalar(table.graph, 0), table.shape);
        const indices = expand(reshape(tokens, [shape[0], 1]), shape);
        return scatterAdd(zeros, indices, g, 0);
      },
    ],
  ]);
}

/**
 * Minus the log-probability of each target, in nats.
 *
 * @param logits [n, vocabulary]
 * @param targets [n], int32
 * @returns [n, 1]
 */
export function crossEntropy(logits: Value, targets: Value): Value {
  const { graph, shape } = logits;
  const column = [shape[0], 1];
  const lastAxis = { axis: { int: 1 } };
  const indices = reshape(targets, column);
  const logP = emit('LogSoftmax', [logits], { shape, attributes: lastAxis });
  const chosen = emit('GatherElements', [logP, indices], { shape: column, attributes: lastAxis });
  return differentiable(emit('Neg', [chosen], { shape: column }), [
    [
      logits,
      (g) => {
        const minusOne = expand(scalar(graph, -1), column);
        const excess = scatterAdd(emit('Exp', [logP], { shape }), indices, minusOne, 1);
        return multiply(excess, g); // (p - onehot) g
      },
    ],
  ]);
}

function scatterAdd(into: Value, indices: Value, updates: Value, axis: number): Value {
  const attributes = { axis: { int: axis }, reduction: { string: 'add' } };
  return emit('ScatterElements', [into, indices, updates], { shape: into.shape, attributes });
}
