import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Tally, unitsIn } from './tally.ts';

test('a tally is the sum of what was added, and knows its sign, at any size and in any order', () => {
  const near = (bits: bigint) =>
    fc.bigInt({ min: -3n, max: 3n }).map((little) => 2n ** bits + little);
  const size = fc.oneof(
    fc.bigInt({ min: 0n, max: 1_000n }),
    fc.bigInt({ min: 0n, max: 10n ** 16n }),
    fc.constantFrom(10n ** 15n - 1n, 10n ** 15n, 10n ** 16n),
    near(51n),
    near(52n),
    near(53n),
    near(255n),
  );
  const amounts = fc.array(fc.tuple(size, fc.boolean()), { maxLength: 40 });
  fc.assert(
    fc.property(amounts, (all) => {
      const tally = new Tally();
      let sum = 0n;
      for (const [amount, isTaken] of all) {
        const units = unitsIn(amount.toString());
        tally.add(isTaken ? -units : units);
        sum += isTaken ? -amount : amount;
        expect(tally.units).toBe(sum);
        expect(tally.isNegative).toBe(sum < 0n);
      }
    }),
    { numRuns: 2_000 },
  );
});
