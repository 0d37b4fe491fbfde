/** What every benchmark can be told on its command line. The defaults only show that it runs. */
import { parseArgs } from 'node:util';
import type { Scratch } from './scratch.ts';
import type { Row } from './table.ts';

export type Options = {
  /** How long each timed window lasts. */
  readonly seconds: number;
  /** How often ours and its peer take turns; what is printed is the median. */
  readonly rounds: number;
  /** A factor on the amount of data; 1 is what docs/benchmarks.md speaks of. */
  readonly scale: number | undefined;
};

export type Benchmark = (run: {
  readonly scratch: Scratch;
  readonly options: Options;
}) => Promise<{ readonly notes: readonly string[]; readonly rows: readonly Row[] }>;

/** @returns undefined where the words make no sense */
export function optionsFrom(words: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        seconds: { type: 'string', default: '2' },
        rounds: { type: 'string', default: '3' },
        scale: { type: 'string' },
      },
    });
    const scale = values.scale === undefined ? undefined : Number(values.scale);
    const options = { seconds: Number(values.seconds), rounds: Number(values.rounds), scale };
    return [options.seconds, options.rounds, scale ?? 1].every((n) => n > 0) ? options : undefined;
  } catch {
    return undefined;
  }
}
