/** Where the points of a loss curve stand in a drawing. */

/** A step and its loss in nats a token. */
export type LossPoint = readonly [step: number, loss: number];

export type ChartFrame = { readonly width: number; readonly height: number };

export type ChartScale = {
  readonly x: (step: number) => number;
  readonly y: (loss: number) => number;
  /** Round losses inside the range, ascending. */
  readonly ticks: readonly number[];
};

/** @param levels further losses that must fit, such as those of evaluations */
export function chartScale(
  points: readonly LossPoint[],
  levels: readonly number[],
  { width, height }: ChartFrame,
): ChartScale {
  const steps = points.map(([step]) => step);
  const losses = [...points.map(([, loss]) => loss), ...levels].filter(Number.isFinite);
  const [first, last] = rangeOf(steps);
  const [low, high] = rangeOf(losses);
  return {
    x: (step) => place(step, first, last) * width,
    y: (loss) => (1 - place(loss, low, high)) * height,
    ticks: roundLevels(low, high),
  };
}

/** SVG path data through the points, or '' for none. Points without a finite loss are left out. */
export const chartPath = (points: readonly LossPoint[], { x, y }: ChartScale): string =>
  points
    .filter(([, loss]) => Number.isFinite(loss))
    .map(([step, loss], i) => `${i === 0 ? 'M' : 'L'}${shorten(x(step))} ${shorten(y(loss))}`)
    .join('');

const shorten = (value: number): number => Math.round(value * 10) / 10;

/** 0 at the low end, 1 at the high end; the middle where there is no range. */
const place = (value: number, low: number, high: number): number =>
  high > low ? (value - low) / (high - low) : 0.5;

const rangeOf = (values: readonly number[]): readonly [low: number, high: number] =>
  values.reduce<readonly [number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    values.length > 0 ? [values[0], values[0]] : [0, 1],
  );

/** Multiples of 1, 2 or 5 times a power of ten, at most five of them. */
function roundLevels(low: number, high: number): readonly number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const levels: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) levels.push(i * step);
  return levels;
}
