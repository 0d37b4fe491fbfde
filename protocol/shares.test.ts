import { expect, test } from 'vitest';
import { groundedPpm, ShareList } from './shares.ts';
import { WEIGHT_ONE } from './split.ts';

test('the grounded fraction is rounded down, and nothing where nothing is said', () => {
  expect(groundedPpm({ total: 3n, covered: 2n })).toBe(666_666);
  expect(groundedPpm({ total: 0n, covered: 0n })).toBe(0);
});

test('a share list is refused when unsorted, incomplete, or not in plain decimals', () => {
  const half = (WEIGHT_ONE / 2n).toString();
  const refused = [
    [{ to: 'a', weight: half }],
    [
      { to: 'b', weight: half },
      { to: 'a', weight: half },
    ],
    [
      { to: 'a', weight: half },
      { to: 'a', weight: half },
    ],
    [{ to: 'a', weight: `0${WEIGHT_ONE}` }],
    [{ to: 'a', weight: '-1' }],
  ];
  for (const list of refused) expect(ShareList.safeParse(list).success).toBe(false);
});
