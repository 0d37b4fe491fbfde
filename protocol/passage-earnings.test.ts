import { expect, test } from 'vitest';
import { exampleReceipt } from '../test/harness/example-receipt.ts';
import { passageEarnings } from './passage-earnings.ts';
import { parseShares } from './shares.ts';
import { WEIGHT_ONE } from './split.ts';
import { ownersIn } from './verify/owners-in.ts';

const { bundle } = exampleReceipt();
const { receipt } = bundle;
const ownersOf = ownersIn(bundle);
const evidence = receipt.attribution;
if (!evidence) throw new Error('The example has evidence.');

const data = 1_000_000_000_000n;

test('passages together earn what evidence gives to parties, but for rounding', () => {
  const passages = passageEarnings(evidence, data, ownersOf);
  const byPassage = passages.reduce((sum, { units }) => sum + units, 0n);
  const byParty = parseShares(receipt.shares)
    .filter(({ to }) => to.startsWith('pty_'))
    .reduce((sum, { weight }) => sum + weight, 0n);
  const difference = (data * byParty) / WEIGHT_ONE - byPassage;
  expect(byPassage).toBeGreaterThan(0n);
  expect(difference >= -1n && difference <= BigInt(evidence.spans.length)).toBe(true);
});

test('what each party earned by passages is what evidence gave it, but for rounding', () => {
  const earned = new Map<string, bigint>();
  for (const { parties } of passageEarnings(evidence, data, ownersOf)) {
    for (const { party, units } of parties) earned.set(party, (earned.get(party) ?? 0n) + units);
  }
  const expected = parseShares(receipt.shares).filter(({ to }) => to.startsWith('pty_'));
  expect([...earned.keys()].sort()).toEqual(expected.map(({ to }) => to).sort());
  for (const { to, weight } of expected) {
    const difference = (data * weight) / WEIGHT_ONE - (earned.get(to) ?? 0n);
    expect(difference >= -1n && difference <= BigInt(2 * evidence.spans.length)).toBe(true);
  }
});

test('commons earn nothing', () => {
  const commons = evidence.spans.findIndex((span) => span.commons);
  expect(passageEarnings(evidence, data, ownersOf)[commons]).toEqual({ units: 0n, parties: [] });
});

test('an output that says nothing pays nothing', () => {
  const silent = { ...evidence, information: { total: 0, covered: 0 } };
  for (const { units } of passageEarnings(silent, data, ownersOf)) expect(units).toBe(0n);
});
