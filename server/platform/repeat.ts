/** Does something again and again, one turn at a time, until it is stopped. A turn that fails is logged, and the next one comes. */
import { sleep } from './clock.ts';
import type { Log } from './log.ts';

export type Repeating = { stop(): Promise<void> };

export function repeat(
  name: string,
  { everyMs, log }: { readonly everyMs: number; readonly log: Log },
  turn: () => Promise<unknown>,
): Repeating {
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await turn().catch((error: unknown) => log.error('repeat.failed', { name, error }));
      await sleep(everyMs, stopping.signal);
    }
  };
  const running = run();
  return {
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}
