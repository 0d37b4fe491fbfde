/** The memory of a process that lives long: it may not grow with the calls that it has served. */
import { readFileSync } from 'node:fs';
import type { NamedProcess } from '../load/named-process.ts';

export type MemoryReport = {
  readonly name: string;
  /** Also where it was watched too shortly to tell, or the kernel does not say. */
  readonly isFlat: boolean;
  readonly said: string;
};

const EVERY_MS = 500;
/** A heap still finds its size in the first minutes. */
const ENOUGH_SAMPLES = 300_000 / EVERY_MS;

export function watchMemory(watched: NamedProcess): { stop(): MemoryReport } {
  const samples: number[] = [];
  const timer = setInterval(() => {
    const bytes = residentBytes(watched.pid());
    if (bytes !== undefined) samples.push(bytes);
  }, EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      return reportOf(watched.name, samples);
    },
  };
}

/** The first fifth is warm-up; of the rest the medians of the first and the last third are compared. */
function reportOf(name: string, samples: readonly number[]): MemoryReport {
  const warm = samples.slice(Math.floor(samples.length / 5));
  const third = Math.floor(warm.length / 3);
  if (third === 0) return { name, isFlat: true, said: 'not measured' };
  const [first, last] = [median(warm.slice(0, third)), median(warm.slice(-third))];
  const isFlat = samples.length < ENOUGH_SAMPLES || last <= first * 1.25 + 32 * 2 ** 20;
  return { name, isFlat, said: `${megabytes(first)} MB, then ${megabytes(last)} MB` };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

/** As Linux tells; undefined elsewhere. */
function residentBytes(pid: number | undefined): number | undefined {
  try {
    const pages = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1];
    return Number(pages) * 4096;
  } catch {
    return undefined;
  }
}
