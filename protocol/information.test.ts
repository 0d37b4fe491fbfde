import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256Hex } from './hash.ts';
import {
  informationIn,
  informationOf,
  sumUnigramTables,
  unigramTable,
  unigramTableHash,
} from './information.ts';

/** The definition itself: the largest k with count^65536 * 2^k <= total^65536, in whole numbers of a million bits. */
function informationByPower(total: bigint, count: bigint): number {
  const power = total ** 65536n;
  const divisor = count ** 65536n;
  const bits = (value: bigint) => {
    const hex = value.toString(16);
    return (hex.length - 1) * 4 + Number.parseInt(hex[0], 16).toString(2).length;
  };
  const k = bits(power) - bits(divisor);
  return divisor << BigInt(k) > power ? k - 1 : k;
}

test('information equals its definition in exact powers', () => {
  const pair = fc
    .tuple(fc.bigInt(1n, 1_000_000n), fc.bigInt(0n, 100_000_000n))
    .map(([count, rest]) => [count + rest, count] as const);
  fc.assert(
    fc.property(pair, ([total, count]) => {
      expect(informationOf(total, count)).toBe(informationByPower(total, count));
    }),
    { numRuns: 25 },
  );
});

test('information stays within one unit of the floating point logarithm', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: 1, max: 1e9 }), (a, b) => {
      const [count, total] = a < b ? [a, b] : [b, a];
      expect(
        Math.abs(informationOf(total, count) - Math.floor(65536 * Math.log2(total / count))),
      ).toBeLessThanOrEqual(1);
    }),
  );
});

test('powers of two are exact, near misses fall on their side, and nonsense is refused', () => {
  expect(informationOf(1024, 1)).toBe(10 * 65536);
  expect(informationOf(7, 7)).toBe(0);
  expect(informationOf(2n ** 200n, 1n)).toBe(200 * 65536);
  expect(informationOf(2n ** 200n - 1n, 1n)).toBe(200 * 65536 - 1);
  expect(informationOf(2n ** 200n + 1n, 2n ** 200n)).toBe(0);
  expect(() => informationOf(3, 0)).toThrow('1 <= count <= total');
  expect(() => informationOf(3, 4)).toThrow('1 <= count <= total');
});

test('a table counts words only, whatever the order of the texts, and has one hash', () => {
  const texts = ['the cat, the hat', 'The end. __proto__'];
  const table = unigramTable(texts);
  expect([...table.counts]).toEqual([
    ['the', 2],
    ['cat', 1],
    ['hat', 1],
    ['The', 1],
    ['end', 1],
    ['__proto__', 1],
  ]);
  expect(table.total).toBe(7);
  const parts = sumUnigramTables([unigramTable([texts[1]]), unigramTable([texts[0]])]);
  expect(unigramTableHash(parts)).toBe(unigramTableHash(table));
  expect(unigramTableHash(table)).toBe(
    sha256Hex(
      '{"counts":[["The",1],["__proto__",1],["cat",1],["end",1],["hat",1],["the",2]],"total":7,"words":"words-1"}',
    ),
  );
});

test('a word the table lacks says as much as one seen once', () => {
  const information = informationIn(unigramTable(['a a a b']));
  expect([information('a'), information('b'), information('c')]).toEqual([
    informationOf(4, 3),
    131072,
    131072,
  ]);
  expect(informationIn(unigramTable([]))('a')).toBe(0);
});
