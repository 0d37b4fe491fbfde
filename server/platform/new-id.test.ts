import { expect, test } from 'vitest';
import { newId } from './new-id.ts';

test('ids made within a millisecond ascend, and are all different', () => {
  for (let second = 0; second < 50; second++) {
    const clock = { now: () => new Date(Date.UTC(2026, 0, 1, 0, 0, second)) };
    const ids = Array.from({ length: 2_000 }, () => newId('model', clock));
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(ids.length);
  }
});
