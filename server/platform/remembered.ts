/** What was read a moment ago, and need not be read again: bounded in time and number. */
import type { Clock } from './clock.ts';

export type Remembered<T> = {
  /** At once where it is known. Those who ask for the same at the same time wait for one reading. */
  of(name: string): Promise<T>;
  /** Everything: to be called when something has changed. */
  forget(): void;
};

type Memory<T> = {
  /** In the order in which they were read: the oldest first. */
  readonly known: Map<string, { readonly value: T; readonly until: number }>;
  readonly reads: Map<string, Promise<T>>;
};

const empty = <T>(): Memory<T> => ({ known: new Map(), reads: new Map() });

/**
 * @param read what fails, or comes to undefined, is not remembered
 * @param forMs counted from before the reading, which may take a while
 * @param most how many are kept; the oldest goes first
 */
export function remembered<T>(
  read: (name: string) => Promise<T>,
  { clock, forMs, most }: { readonly clock: Clock; readonly forMs: number; readonly most: number },
): Remembered<T> {
  let memory = empty<T>();

  async function readInto({ known }: Memory<T>, name: string): Promise<T> {
    const until = clock.now().getTime() + forMs;
    const value = await read(name);
    if (value === undefined) return value;
    known.delete(name); // what is set again is the youngest
    known.set(name, { value, until });
    if (known.size > most) known.delete(known.keys().next().value as string);
    return value;
  }

  return {
    async of(name) {
      const found = memory.known.get(name);
      if (found && clock.now().getTime() < found.until) return found.value;
      const { reads } = memory; // a `forget` while we read leaves these behind, and what we put beside them
      let reading = reads.get(name);
      if (!reading) {
        reading = readInto(memory, name).finally(() => reads.delete(name));
        reads.set(name, reading);
      }
      return reading;
    },
    forget() {
      memory = empty();
    },
  };
}
