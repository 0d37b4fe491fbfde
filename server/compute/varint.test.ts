import fc from 'fast-check';
import { expect, test } from 'vitest';
import { differences, packNumbers, sums, unpackNumbers } from './varint.ts';

const number = fc.oneof(fc.nat(300), fc.nat(2 ** 31 - 1));

test('numbers come back as they were packed', () => {
  fc.assert(
    fc.property(fc.array(number), (numbers) => {
      expect([...unpackNumbers(packNumbers(Int32Array.from(numbers)))]).toEqual(numbers);
    }),
  );
});

test('ascending numbers come back from their differences', () => {
  fc.assert(
    fc.property(fc.array(number), (numbers) => {
      const ascending = Int32Array.from(numbers).sort();
      expect(sums(differences(ascending))).toEqual(ascending);
    }),
  );
});
