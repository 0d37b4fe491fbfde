/** Summaries of repeated measurements. */

/** By nearest rank: a value that was measured, never one between two. @param part 0 to 1 */
export function percentile(values: Iterable<number>, part: number): number {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)];
}

export const median = (values: Iterable<number>): number => percentile(values, 0.5);
