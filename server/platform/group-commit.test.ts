import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createGroup } from './group-commit.ts';

test('who comes while a commit is under way shares the next, in order, and no more than so many', async () => {
  const batches: number[][] = [];
  const group = createGroup<number, string>(
    async (items) => {
      batches.push([...items]);
      await pause(5);
      return items.map((item) => `done ${item}`);
    },
    { most: 3, isOneItems: () => true },
  );
  const results = await Promise.all([1, 2, 3, 4, 5, 6].map((item) => group.add(item)));
  expect(results).toEqual([1, 2, 3, 4, 5, 6].map((item) => `done ${item}`));
  expect(batches).toEqual([[1], [2, 3, 4], [5, 6]]);
});

test('one that cannot be committed fails alone', async () => {
  const group = createGroup<number, number>(
    async (items) => {
      await pause(1);
      if (items.includes(3)) throw new Error('Not that one.');
      if (items.includes(7)) throw new Error('Lost.');
      return items;
    },
    { most: 10, isOneItems: (error) => (error as Error).message !== 'Lost.' },
  );
  const ends = await Promise.allSettled([1, 2, 3, 4].map((item) => group.add(item)));
  expect(ends.map(({ status }) => status)).toEqual([
    ...['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  ]);
  expect(await group.add(5)).toBe(5);
  await pause(1);
  const lost = await Promise.allSettled([6, 7, 8].map((item) => group.add(item)));
  expect(lost.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
});
