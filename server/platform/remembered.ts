/** What was read a moment ago, and need not be read again: bounded in time and number. */

export type Remembered<T> = {
  /** At once where it is known. Those who ask for the same at the same time wait for one reading. */
  of(name: string): Promise<T>;
  /** Everything: to be called when something has changed. */
  forget(): void;
};

/** @param read what fails is not remembered @param most how many are kept; the oldest goes first */
export function remembered<T>(
  read: (name: string) => Promise<T>,
  { forMs, most }: { readonly forMs: number; readonly most: number },
): Remembered<T> {
  let known = new Map<string, { readonly value: Promise<T>; readonly until: number }>();
  return {
    of(name) {
      const found = known.get(name);
      const now = performance.now();
      if (found && now < found.until) return found.value;
      const memory = known; // a `forget` while we read leaves this one behind
      const value = read(name);
      memory.delete(name); // what is set again is the youngest
      memory.set(name, { value, until: now + forMs });
      value.catch(() => memory.delete(name));
      if (memory.size > most) memory.delete(memory.keys().next().value as string);
      return value;
    },
    forget() {
      known = new Map();
    },
  };
}
