/**
 * AdamW with a clipped global gradient norm, emitted into the graph that computes the gradients.
 *
 * Source: Loshchilov, Hutter, "Decoupled weight decay regularization", 2019, algorithm 2; clipping as in
 * Pascanu, Mikolov, Bengio, 2013. Bias correction is Adam's own (Kingma, Ba, 2015), as in PyTorch.
 */
import { emit, input, output, type Shape, scalar, type Value } from './graph.ts';
import { add, multiply, reshape, scale, subtract, sum } from './operators.ts';

export type AdamWSettings = {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Fraction of a weight lost per unit of learning rate; matrices only, never norms or biases. */
  readonly weightDecay: number;
  /** Longer gradients are scaled down to this Euclidean norm, taken over all parameters together. */
  readonly maxGradientNorm: number;
};

/** A trained parameter and the gradient of the loss in it. */
export type Trained = { readonly weight: Value; readonly gradient: Value };

/**
 * Emits one optimiser step.
 *
 * For each weight named `w` the graph gains the inputs `m.w` and `v.w` and the outputs `next.w`, `next.m.w` and
 * `next.v.w`; once, it gains the scalar inputs that `adamWScalars` computes.
 */
export function emitAdamW(trained: readonly Trained[], settings: AdamWSettings): void {
  emitSteps(trained, settings, clipFactor(trained, settings.maxGradientNorm));
}

/**
 * As `emitAdamW`, for many models in one graph: the first axis of every weight counts the models, and each model's
 * gradient is clipped by its own norm.
 */
export function emitEnsembleAdamW(trained: readonly Trained[], settings: AdamWSettings): void {
  emitSteps(trained, settings, clipFactors(trained, settings.maxGradientNorm));
}

function emitSteps(trained: readonly Trained[], settings: AdamWSettings, clip: Value): void {
  const { graph } = trained[0].weight;
  const { beta1, beta2, weightDecay } = settings;
  const stepSize = input(graph, 'stepSize', 'float32', []);
  const epsilon = input(graph, 'epsilon', 'float32', []);
  const retention = input(graph, 'retention', 'float32', []); // 1 - learning rate * weight decay

  for (const { weight, gradient } of trained) {
    const m = input(graph, `m.${weight.name}`, 'float32', weight.shape);
    const v = input(graph, `v.${weight.name}`, 'float32', weight.shape);
    const clipped = multiply(gradient, clip);
    const nextM = add(scale(m, beta1), scale(clipped, 1 - beta1));
    const nextV = add(scale(v, beta2), scale(multiply(clipped, clipped), 1 - beta2));
    const deviation = add(emit('Sqrt', [nextV], { shape: v.shape }), epsilon);
    const direction = emit('Div', [nextM, deviation], { shape: m.shape });
    const decays = weightDecay > 0 && weight.shape.length >= 2;
    const kept = decays ? multiply(weight, retention) : weight;
    output(subtract(kept, multiply(direction, stepSize)), `next.${weight.name}`);
    output(nextM, `next.m.${weight.name}`);
    output(nextV, `next.v.${weight.name}`);
  }
}

/**
 * The scalars of one step. Bias correction is folded into step size and epsilon, which saves two passes over memory:
 * (m / c1) / (sqrt(v / c2) + e) = (sqrt(c2) / c1) * m / (sqrt(v) + e sqrt(c2)), with c = 1 - beta^step.
 *
 * @param step counted from 1
 */
export function adamWScalars(step: number, learningRate: number, settings: AdamWSettings) {
  const c1 = 1 - settings.beta1 ** step;
  const c2 = Math.sqrt(1 - settings.beta2 ** step);
  return {
    stepSize: Float32Array.of((learningRate * c2) / c1),
    epsilon: Float32Array.of(settings.epsilon * c2),
    retention: Float32Array.of(1 - learningRate * settings.weightDecay),
  };
}

/** min(1, limit / norm of all gradients as one vector); the norm is an output too, `gradientNorm`. */
function clipFactor(trained: readonly Trained[], limit: number): Value {
  const squares = trained.map(({ gradient }) => {
    const total = emit('ReduceSumSquare', [gradient], {
      shape: gradient.shape.map(() => 1),
      attributes: { keepdims: { int: 1 } },
    });
    return reshape(total, []);
  });
  return clipTo(limit, squares, []);
}

/** The same for each model by itself: [models, 1, 1]. */
function clipFactors(trained: readonly Trained[], limit: number): Value {
  const shape = [trained[0].weight.shape[0], 1, 1];
  const squares = trained.map(({ gradient }) => sum(multiply(gradient, gradient), [1, 2]));
  return clipTo(limit, squares, shape);
}

function clipTo(limit: number, squares: readonly Value[], shape: Shape): Value {
  const norm = emit('Sqrt', [emit('Sum', squares, { shape })], { shape });
  output(norm, 'gradientNorm');
  const { graph } = norm;
  const room = emit('Div', [scalar(graph, limit), add(norm, scalar(graph, 1e-6))], { shape });
  return emit('Min', [scalar(graph, 1), room], { shape });
}
