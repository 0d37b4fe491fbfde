import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pearson, spearman } from './spearman.ts';

test('is 1 for any growing function, -1 for any falling one, 0 for a constant', () => {
  const x = [3, -1, 4, 1.5, 9, 2.6];
  expect(spearman(x, x.map(Math.exp))).toBeCloseTo(1);
  expect(
    spearman(
      x,
      x.map((value) => -(value ** 3)),
    ),
  ).toBeCloseTo(-1);
  expect(
    spearman(
      x,
      x.map(() => 7),
    ),
  ).toBe(0);
});

test('equals the correlation of ranks counted one by one, ties included', () => {
  const slowRanks = (values: readonly number[]) =>
    values.map((value) => {
      const below = values.filter((other) => other < value).length;
      const equal = values.filter((other) => other === value).length;
      return below + (equal - 1) / 2;
    });
  const pairs = fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 6 })), {
    minLength: 2,
    maxLength: 20,
  });
  fc.assert(
    fc.property(pairs, (rows) => {
      const [a, b] = [rows.map(([x]) => x), rows.map(([, y]) => y)];
      expect(spearman(a, b)).toBeCloseTo(pearson(slowRanks(a), slowRanks(b)), 10);
    }),
  );
});
