/** What the page knows of something on the server: nothing yet, a value, or why there is none. */
import { OpenLedgerError } from '@openledger/protocol';
import { useEffect, useEffectEvent, useState } from 'react';
import { follow } from './follow.ts';

export type Reading<T> =
  | { readonly state: 'waiting' }
  /** With `error`, the value is the last one that could be read. */
  | { readonly state: 'there'; readonly value: T; readonly error?: Error }
  | { readonly state: 'failed'; readonly error: Error };

/** How often what changes is read again. */
export const EVERY_MS = 2000;

const WAITING = { state: 'waiting' } as const;

/**
 * Reads from the server as long as the component is shown.
 *
 * @param about names what is read: under another name the old value is forgotten
 * @param everyMs pause between reads; absent for what never changes
 */
export function useReading<T>(
  about: string,
  read: (signal: AbortSignal) => Promise<T>,
  everyMs?: number,
): Reading<T> {
  const [known, setKnown] = useState<{ about: string; reading: Reading<T> }>();
  const readNow = useEffectEvent(read);

  useEffect(() => {
    const stopping = new AbortController();
    void follow({
      read: (signal) => readNow(signal),
      everyMs,
      signal: stopping.signal,
      onValue: (value) => setKnown({ about, reading: { state: 'there', value } }),
      onError: (error) =>
        setKnown((before) => ({
          about,
          reading:
            before?.about === about && before.reading.state === 'there'
              ? { ...before.reading, error }
              : { state: 'failed', error },
        })),
    });
    return () => stopping.abort();
  }, [about, everyMs]);

  return known?.about === about ? known.reading : WAITING;
}

export const valueIn = <T>(reading: Reading<T>): T | undefined =>
  reading.state === 'there' ? reading.value : undefined;

/** Whether reading failed only for want of a key that may. */
export function needsKey(reading: Reading<unknown>): boolean {
  if (reading.state !== 'failed' || !(reading.error instanceof OpenLedgerError)) return false;
  return reading.error.code === 'unauthorized' || reading.error.code === 'forbidden';
}
