/** Runs a clock in one process at a time: the others stand by, and one of them goes on when it is gone. */
import type { Log } from './log.ts';
import type { Presence } from './presence.ts';
import { type Repeating, repeat } from './repeat.ts';

const STAND_BY_MS = 500;

/**
 * A turn may overlap with a successor's first one where the connection is lost in the middle of it, so what is run here is
 * safe to do twice; doing it once is cheaper.
 *
 * @param start begins the clock; called again each time this process takes the duty
 */
export function onDuty(
  presence: Presence,
  { name, log }: { readonly name: string; readonly log: Log },
  start: () => Repeating,
): Repeating {
  let clock: Repeating | undefined;
  const standing = repeat(`duty.${name}`, { everyMs: STAND_BY_MS, log }, async () => {
    const isOurs = await presence.takeDuty(name);
    if (isOurs) clock ??= start();
    else if (clock) {
      await clock.stop();
      clock = undefined;
    }
  });
  return {
    async stop() {
      await standing.stop();
      await clock?.stop();
    },
  };
}
