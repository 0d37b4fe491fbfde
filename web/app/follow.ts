/** Reads something again and again until told to stop. Nothing is read while the page cannot be seen. */
export type Following<T> = {
  readonly read: (signal: AbortSignal) => Promise<T>;
  /** Pause between reads in milliseconds; absent for what never changes: once read, it is done. */
  readonly everyMs?: number;
  readonly signal: AbortSignal;
  readonly onValue: (value: T) => void;
  readonly onError: (error: Error) => void;
};

const FIRST_RETRY_MS = 600;
const LONGEST_RETRY_MS = 10_000;

export async function follow<T>({ read, everyMs, signal, onValue, onError }: Following<T>) {
  let retryMs = FIRST_RETRY_MS;
  while (!signal.aborted) {
    await untilVisible(signal);
    const waitMs = await read(signal).then(
      (value) => {
        if (!signal.aborted) onValue(value);
        retryMs = FIRST_RETRY_MS;
        return everyMs;
      },
      (error: Error) => {
        if (!signal.aborted) onError(error);
        retryMs = Math.min(retryMs * 1.5, LONGEST_RETRY_MS);
        return Math.max(everyMs ?? 0, retryMs);
      },
    );
    if (waitMs === undefined) return;
    await pause(waitMs, signal);
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });

const untilVisible = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (!document.hidden || signal.aborted) return resolve();
    const seen = () => {
      document.removeEventListener('visibilitychange', seen);
      resolve();
    };
    document.addEventListener('visibilitychange', seen);
    signal.addEventListener('abort', seen);
  });
