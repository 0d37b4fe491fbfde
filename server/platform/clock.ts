/** Time, handed in rather than asked for, so that tests and simulations own it. */
export type Clock = { readonly now: () => Date };

export const systemClock: Clock = { now: () => new Date() };

/** Waits for the work, but no longer than so. @throws what the work throws meanwhile */
export async function orAfter(work: Promise<unknown>, delayMs: number): Promise<void> {
  const done = new AbortController();
  await Promise.race([work, sleep(delayMs, done.signal)]).finally(() => done.abort());
}

/** Resolves after a delay, or at once when the signal aborts. */
export const sleep = (delayMs: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, delayMs);
    signal?.addEventListener('abort', wake);
    if (signal?.aborted) wake();
  });
