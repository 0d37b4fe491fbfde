/** Hears a channel of PostgreSQL for as long as it is wanted, over lost connections. */
import { sleep } from './clock.ts';
import type { Db } from './db.ts';

/**
 * What was notified while the connection was lost is not heard, so `hear` is called after each reconnection, and a caller
 * that must miss nothing looks by himself now and then.
 */
export function listen(db: Db, channel: string, hear: () => void): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const stopped = new Promise<void>((stop) =>
    stopping.signal.addEventListener('abort', () => stop()),
  );
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const session = await db.session().catch(() => undefined);
      const isListening = await session?.listen(channel, hear).then(
        () => true,
        () => false,
      );
      hear();
      if (session && isListening) await Promise.race([session.ended, stopped]);
      await session?.close().catch(() => {}); // a lost connection is closed already
      await sleep(200, stopping.signal);
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
