/**
 * A crowd that does not wait for anybody: requests arrive by a schedule of their own, as users do.
 *
 * Latency counts from the moment a request was due, so a stalled system is charged for all who came meanwhile
 * (no coordinated omission; Tene, "How not to measure latency", 2015).
 */

import type { Random } from '../../server/compute/random.ts';
import { sleep } from '../../server/platform/clock.ts';

export type OpenLoop = {
  readonly latenciesMs: readonly number[];
  readonly offered: number;
  /** Came while too many were outstanding, and were turned away: they have no latency, and must be told. */
  readonly dropped: number;
};

/** @param perSecond the mean rate of a Poisson process; the timer that watches its schedule ticks once a millisecond */
export async function openLoop({
  seconds,
  perSecond,
  mostOutstanding,
  random,
  ask,
}: {
  readonly seconds: number;
  readonly perSecond: number;
  readonly mostOutstanding: number;
  readonly random: Random;
  readonly ask: () => Promise<unknown>;
}): Promise<OpenLoop> {
  const latenciesMs: number[] = [];
  let [offered, dropped, outstanding] = [0, 0, 0];
  let failure: unknown;
  const send = (dueMs: number) => {
    outstanding++;
    ask()
      .then(() => latenciesMs.push(performance.now() - dueMs))
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => outstanding--);
  };
  const gapMs = () => (-Math.log(1 - random.uniform()) * 1000) / perSecond;

  const begun = performance.now();
  for (let dueMs = begun + gapMs(); dueMs < begun + seconds * 1000; await sleep(1)) {
    for (const now = performance.now(); dueMs <= now; dueMs += gapMs()) {
      offered++;
      if (outstanding >= mostOutstanding) dropped++;
      else send(dueMs);
    }
  }
  while (outstanding > 0) await sleep(1);
  if (failure) throw failure;
  return { latenciesMs, offered, dropped };
}
