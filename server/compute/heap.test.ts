import fc from 'fast-check';
import { expect, test } from 'vitest';
import { popHeap, pushHeap } from './heap.ts';

test('items come out in order, however pushes and pops are mixed', () => {
  const before = (a: number, b: number) => a < b;
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.integer(), fc.constant('pop' as const))), (steps) => {
      const heap: number[] = [];
      let plain: number[] = [];
      for (const step of steps) {
        if (step === 'pop') {
          expect(popHeap(heap, before)).toBe(plain[0]);
          plain = plain.slice(1);
        } else {
          pushHeap(heap, step, before);
          plain = [...plain, step].sort((a, b) => a - b);
        }
      }
    }),
  );
});
