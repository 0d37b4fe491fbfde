/** The learning rate over a run: a linear warm-up, then half a cosine down to a fraction of the peak. */
export type Schedule = {
  readonly steps: number;
  readonly warmupSteps: number;
  readonly peakLearningRate: number;
  /** Where the cosine ends, as a fraction of the peak. */
  readonly finalFraction: number;
};

/**
 * Source: Loshchilov, Hutter, "SGDR", 2017, eq. 5, without restarts.
 *
 * @param step counted from 1
 */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { steps, warmupSteps, peakLearningRate, finalFraction } = schedule;
  if (step <= warmupSteps) return (peakLearningRate * step) / warmupSteps;
  const progress = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
  const cosine = (1 + Math.cos(Math.PI * progress)) / 2;
  return peakLearningRate * (finalFraction + (1 - finalFraction) * cosine);
}
