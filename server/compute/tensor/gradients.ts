/** Reverse-mode differentiation: walks the tape backwards and emits the backward pass into the same graph. */
import { scalar, type Value } from './graph.ts';
import { add } from './operators.ts';

/**
 * The gradient of a scalar loss in each of the given values.
 *
 * Nothing is emitted for values that do not depend on `parameters`: frozen weights cost no backward pass.
 *
 * @throws Error when the loss is not a scalar or does not depend on one of the parameters
 */
export function gradients(loss: Value, parameters: readonly Value[]): readonly Value[] {
  if (loss.shape.length !== 0) throw new Error(`A loss is a scalar, not [${loss.shape}].`);
  const tape = [...loss.graph.tape]; // pullbacks record derivatives of their own; those are not walked
  const wanted = new Set(parameters.map((value) => value.name));
  for (const { value, inputs } of tape) {
    if (inputs.some(([from]) => wanted.has(from.name))) wanted.add(value.name);
  }

  const byName = new Map<string, Value>([[loss.name, scalar(loss.graph, 1)]]);
  for (const { value, inputs } of tape.reverse()) {
    const gradient = byName.get(value.name);
    if (!gradient) continue;
    for (const [from, pullback] of inputs) {
      if (!wanted.has(from.name)) continue;
      const part = pullback(gradient);
      const sum = byName.get(from.name);
      byName.set(from.name, sum ? add(sum, part) : part);
    }
  }
  return parameters.map((parameter) => {
    const gradient = byName.get(parameter.name);
    if (!gradient) throw new Error(`The loss does not depend on ${parameter.name}.`);
    return gradient;
  });
}
