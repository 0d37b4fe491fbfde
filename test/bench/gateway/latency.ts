/** How long one waits at a rate that does not ask whether the last answer has come; what all add to the operator's own time. */
import { createRandom } from '../../../server/compute/random.ts';
import { openLoop } from '../open-loop.ts';
import type { Options } from '../options.ts';
import { median, percentile } from '../percentiles.ts';
import type { Scratch } from '../scratch.ts';
import { mention } from '../table.ts';
import { type Caller, createCaller } from './caller.ts';
import { RUN_IN_SECONDS, targetsOf } from './cost.ts';
import type { Stand, Target } from './stand.ts';

export const MOST_OUTSTANDING = 400;

export type Wait = {
  readonly p50: number;
  readonly p99: number;
  readonly offered: number;
  readonly dropped: number;
};

export type Waits = ReadonlyMap<Target, Wait>;

/** Of answers in one piece, or of streams' first words. */
export async function measureWaits(
  { settle }: Scratch,
  stand: Stand,
  { seconds, rounds }: Options,
  { perSecond, streamed }: { readonly perSecond: number; readonly streamed: boolean },
): Promise<Waits> {
  const ask = (caller: Caller) => (streamed ? caller.firstWord('paced') : caller.whole());
  const targets = targetsOf(stand);
  const taken = new Map<Target, Wait[]>(targets.map((target) => [target, []]));
  for (let round = 1; round <= rounds; round++) {
    mention(
      `${streamed ? 'first words' : 'waiting'} at ${perSecond}/s, round ${round} of ${rounds}`,
    );
    for (const target of targets) {
      await settle();
      const caller = createCaller(target);
      const crowd = { perSecond, mostOutstanding: MOST_OUTSTANDING, ask: () => ask(caller) };
      await openLoop({ ...crowd, seconds: RUN_IN_SECONDS, random: createRandom(0) });
      const { latenciesMs, offered, dropped } = await openLoop({
        ...crowd,
        seconds,
        random: createRandom(round),
      });
      await caller.close();
      const [p50, p99] = [percentile(latenciesMs, 0.5), percentile(latenciesMs, 0.99)];
      taken.get(target)?.push({ p50, p99, offered, dropped });
    }
  }
  return new Map([...taken].map(([target, waits]) => [target, together(waits)]));
}

/** Percentiles are the rounds' medians; what was dropped is added up. */
const together = (waits: readonly Wait[]): Wait => ({
  p50: median(waits.map(({ p50 }) => p50)),
  p99: median(waits.map(({ p99 }) => p99)),
  offered: waits.reduce((sum, { offered }) => sum + offered, 0),
  dropped: waits.reduce((sum, { dropped }) => sum + dropped, 0),
});
