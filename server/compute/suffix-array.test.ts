import fc from 'fast-check';
import { expect, test } from 'vitest';
import { suffixArray } from './suffix-array.ts';

/** The definition: sort all suffixes by comparing them. */
function suffixArrayBySorting(symbols: readonly number[]): number[] {
  const compare = (a: number, b: number): number => {
    for (let step = 0; ; step++) {
      if (a + step === symbols.length) return -1;
      if (b + step === symbols.length) return 1;
      if (symbols[a + step] !== symbols[b + step]) return symbols[a + step] - symbols[b + step];
    }
  };
  return symbols.map((_, start) => start).sort((a, b) => (a === b ? 0 : compare(a, b)));
}

function check(symbols: readonly number[], alphabetSize: number): void {
  expect([...suffixArray(Int32Array.from(symbols), alphabetSize)]).toEqual(
    suffixArrayBySorting(symbols),
  );
}

test('equals a plain sort on random sequences over small and large alphabets', () => {
  const sequence = fc
    .integer({ min: 1, max: 40 })
    .chain((size) => fc.tuple(fc.array(fc.nat(size - 1), { maxLength: 300 }), fc.constant(size)));
  fc.assert(
    fc.property(sequence, ([symbols, size]) => check(symbols, size)),
    { numRuns: 500 },
  );
});

test('equals a plain sort on repeated pieces, which make the recursion deep', () => {
  const repeated = fc
    .tuple(fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }), fc.nat(30), fc.array(fc.nat(3)))
    .map(([piece, times, tail]) => [...Array.from({ length: times }, () => piece).flat(), ...tail]);
  fc.assert(
    fc.property(repeated, (symbols) => check(symbols, 4)),
    { numRuns: 300 },
  );

  let [a, b] = ['0', '01'];
  while (b.length < 600) [a, b] = [b, b + a]; // Fibonacci words
  check([...b].map(Number), 2);
});

test('the empty sequence, a single symbol and a constant run are in order', () => {
  check([], 1);
  check([4], 5);
  check(new Array(50).fill(2), 3);
});
