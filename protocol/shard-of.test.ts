import { expect, test } from 'vitest';
import { shardOf } from './shard-of.ts';

const payers = Array.from({ length: 2000 }, (_, i) => `pty_${i.toString(16).padStart(32, '0')}`);

test('a payer keeps its shard, and a new shard takes its part from all others alike', () => {
  for (let shards = 1; shards < 8; shards++) {
    const moved = payers.filter((payer) => shardOf(payer, shards) !== shardOf(payer, shards + 1));
    expect(moved.every((payer) => shardOf(payer, shards + 1) === shards)).toBe(true);
    const part = payers.length / (shards + 1);
    expect(Math.abs(moved.length - part)).toBeLessThan(0.2 * part);
  }
});

test('is written down: other programs place the same payers on the same shards', () => {
  expect(payers.slice(0, 12).map((payer) => shardOf(payer, 5))).toMatchInlineSnapshot(`
    [
      0,
      1,
      3,
      4,
      3,
      0,
      4,
      3,
      2,
      3,
      2,
      1,
    ]
  `);
});

test('there is at least one shard', () => {
  expect(() => shardOf('pty_', 0)).toThrow(RangeError);
});
