/** Numbers the distinct pairs of small whole numbers, in the order in which they come. */
import { doubled } from './doubled.ts';
import { mix } from './mix.ts';

export type PairTable = {
  numberOf(first: number, second: number): number;
  readonly size: () => number;
  /** Both members of each pair so far, [size] each. */
  readonly pairs: () => { readonly firsts: Int32Array; readonly seconds: Int32Array };
};

export function createPairTable(): PairTable {
  let slots = new Int32Array(1024).fill(-1);
  let firsts = new Int32Array(512);
  let seconds = new Int32Array(512);
  let count = 0;

  const slotOf = (first: number, second: number): number => {
    const mask = slots.length - 1;
    let slot = mix(Math.imul(first, 0x9e3779b1) ^ second) & mask;
    for (; ; slot = (slot + 1) & mask) {
      const number = slots[slot];
      if (number < 0 || (firsts[number] === first && seconds[number] === second)) return slot;
    }
  };

  const grow = () => {
    [firsts, seconds] = [doubled(firsts), doubled(seconds)];
    slots = new Int32Array(slots.length * 2).fill(-1);
    for (let number = 0; number < count; number++) {
      slots[slotOf(firsts[number], seconds[number])] = number;
    }
  };

  return {
    numberOf(first, second) {
      const slot = slotOf(first, second);
      if (slots[slot] >= 0) return slots[slot];
      const number = count++;
      slots[slot] = number;
      firsts[number] = first;
      seconds[number] = second;
      if (count === firsts.length) grow();
      return number;
    },
    size: () => count,
    pairs: () => ({ firsts: firsts.subarray(0, count), seconds: seconds.subarray(0, count) }),
  };
}
