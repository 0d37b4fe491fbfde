/** Numbers of this process for Prometheus, counted in memory: whoever asks for them makes nobody else work. */
import { collectDefaultMetrics, Registry } from 'prom-client';

export type Metrics = {
  /** Where stages register what they count. */
  readonly registry: Registry;
  /** Prometheus' text format, version 0.0.4: what was counted, and how the process itself is. */
  text(): Promise<string>;
};

export function createMetrics(): Metrics {
  const registry = new Registry();
  const process = processMetrics();
  return { registry, text: async () => (await registry.metrics()) + (await process.metrics()) };
}

let ofProcess: Registry | undefined;

/** Memory, CPU and the event loop's delay are of the process, however many servers run in it. */
function processMetrics(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** Seconds, from a local cache's to a long answer's. */
export const DURATIONS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/**
 * Lets a label have so many values; those that come later are all called `other`. Each value of a label is a time series
 * for ever, here and in whatever scrapes us.
 */
export function boundedLabel(most: number): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= most) return 'other';
    known.add(value);
    return value;
  };
}
