import { expect, test } from 'vitest';
import { exampleReceipt } from '../test/harness/example-receipt.ts';
import { passageEarnings } from './passage-earnings.ts';
import { parseShares } from './shares.ts';
import { WEIGHT_ONE } from './split.ts';

const { receipt } = exampleReceipt().bundle;
const evidence = receipt.attribution;
if (!evidence) throw new Error('The example has evidence.');

const data = 1_000_000_000_000n;

test('passages together earn what evidence gives to parties, but for rounding', () => {
  const byPassage = passageEarnings(evidence, data).reduce((a, b) => a + b, 0n);
  const byParty = parseShares(receipt.shares)
    .filter(({ to }) => to.startsWith('pty_'))
    .reduce((sum, { weight }) => sum + weight, 0n);
  const difference = (data * byParty) / WEIGHT_ONE - byPassage;
  expect(byPassage).toBeGreaterThan(0n);
  expect(difference >= -1n && difference <= BigInt(evidence.spans.length)).toBe(true);
});

test('commons earn nothing', () => {
  const commons = evidence.spans.findIndex((span) => span.commons);
  expect(passageEarnings(evidence, data)[commons]).toBe(0n);
});

test('an output that says nothing pays nothing', () => {
  const silent = { ...evidence, information: { total: 0, covered: 0 } };
  expect(new Set(passageEarnings(silent, data))).toEqual(new Set([0n]));
});
