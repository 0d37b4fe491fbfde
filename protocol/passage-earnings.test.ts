import { expect, test } from 'vitest';
import { exampleReceipt } from '../test/harness/example-receipt.ts';
import { channelEarnings } from './channel-earnings.ts';
import { shareByChannels } from './channels.ts';
import { passageEarnings } from './passage-earnings.ts';
import { PPM_ONE, WEIGHT_ONE } from './split.ts';
import { attributableIn } from './verify/attributable-in.ts';
import { ownersIn } from './verify/owners-in.ts';

const { bundle } = exampleReceipt();
const ownersOf = ownersIn(bundle);
const measured = attributableIn(bundle);
if (!measured) throw new Error('The example has evidence.');
/** By the trace alone, so that all that parties have is by passages. */
const traced = { ...measured, channels: undefined };
const { spans } = measured.evidence;

const data = 1_000_000_000_000n;

test('passages together earn what evidence gives to parties, but for rounding', () => {
  const passages = passageEarnings(traced, data, ownersOf);
  const byPassage = passages.reduce((sum, { units }) => sum + units, 0n);
  const byParty = shareByChannels(traced)
    .filter(({ to }) => to.startsWith('pty_'))
    .reduce((sum, { weight }) => sum + weight, 0n);
  const difference = (data * byParty) / WEIGHT_ONE - byPassage;
  expect(byPassage).toBeGreaterThan(0n);
  expect(difference >= -1n && difference <= BigInt(spans.length)).toBe(true);
});

test('what each party earned by passages is what evidence gave it, but for rounding', () => {
  const earned = new Map<string, bigint>();
  for (const { parties } of passageEarnings(traced, data, ownersOf)) {
    for (const { party, units } of parties) earned.set(party, (earned.get(party) ?? 0n) + units);
  }
  const expected = shareByChannels(traced).filter(({ to }) => to.startsWith('pty_'));
  expect([...earned.keys()].sort()).toEqual(expected.map(({ to }) => to).sort());
  for (const { to, weight } of expected) {
    const difference = (data * weight) / WEIGHT_ONE - (earned.get(to) ?? 0n);
    expect(difference >= -1n && difference <= BigInt(2 * spans.length)).toBe(true);
  }
});

test('commons earn nothing', () => {
  const commons = spans.findIndex((span) => span.commons);
  expect(passageEarnings(traced, data, ownersOf)[commons]).toEqual({ units: 0n, parties: [] });
});

test('an output that says nothing pays nothing', () => {
  const information = { total: 0, covered: 0 };
  const quiet = spans.map((span) => ({ ...span, information: span.information.map(() => 0) }));
  const silent = { ...traced, evidence: { ...traced.evidence, information, spans: quiet } };
  for (const { units } of passageEarnings(silent, data, ownersOf)) expect(units).toBe(0n);
});

test('passages and the other channels together earn what parties have, also where measuring was left to a draw', () => {
  expect(measured.channels?.draw.ppm).toBeLessThan(PPM_ONE);
  const byOthers = channelEarnings(measured, data).reduce((sum, { units }) => sum + units, 0n);
  const byPassage = passageEarnings(measured, data, ownersOf).reduce(
    (sum, { units }) => sum + units,
    0n,
  );
  const byParty = shareByChannels(measured)
    .filter(({ to }) => to.startsWith('pty_'))
    .reduce((sum, { weight }) => sum + weight, 0n);
  const difference = (data * byParty) / WEIGHT_ONE - byPassage - byOthers;
  expect(byOthers > 0n && byPassage > 0n).toBe(true);
  expect(difference >= -2n && difference <= BigInt(spans.length) + 3n).toBe(true);
});
