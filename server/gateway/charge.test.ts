import { cachedPricing } from '@openledger/protocol';
import { expect, test } from 'vitest';
import { type CallEnd, chargeOf, type Delivered } from './charge.ts';
import { exactly, guessed } from './price.ts';

const pricing = { promptUnits: 2n, completionUnits: 3n };

const tokens = { promptTokens: 100, completionTokens: 200 };

const charge = (end: CallEnd, delivered: Partial<Delivered> = {}) =>
  chargeOf(
    end,
    {
      ...{ text: 'one two', delivery: 'streamed' },
      own: exactly(tokens),
      atMost: { promptTokens: 1_000, completionTokens: 1_000 },
      ...delivered,
    },
    pricing,
  );
const usage = (
  promptTokens: number,
  completionTokens: number,
  { estimated = false, overstated = false } = {},
) => ({
  ...{ kind: 'usage', usage: { promptTokens, completionTokens }, estimated, overstated },
  units: 2n * BigInt(promptTokens) + 3n * BigInt(completionTokens),
});
const ended = (promptTokens: number, completionTokens: number): CallEnd => ({
  kind: 'ended',
  reported: { promptTokens, completionTokens },
});
const nothing = { kind: 'nothing' };

test('charge: a normal end, both counts agree -> the operator’s', () => {
  expect(charge(ended(102, 204))).toEqual(usage(102, 204));
});

test('charge: a normal end, the operator counts more than we by more than the tolerance -> ours, disputable', () => {
  const lowered = usage(100, 200, { estimated: true, overstated: true });
  expect(charge(ended(103, 205))).toEqual(lowered);
});

test('charge: a normal end, the operator counts less -> his, and beyond the tolerance disputable', () => {
  expect(charge(ended(98, 196))).toEqual(usage(98, 196));
  expect(charge(ended(50, 100))).toEqual(usage(50, 100, { estimated: true }));
});

test('charge: a normal end, the tokenizer is not ours -> the operator’s, within what the text can be', () => {
  const atMost = { promptTokens: 500, completionTokens: 500 };
  const delivered = { own: guessed(tokens), atMost };
  expect(charge(ended(300, 400), delivered)).toEqual(usage(300, 400));
  expect(charge(ended(300, 9_000), delivered)).toEqual(usage(300, 500, { estimated: true }));
});

test('charge: the client drops mid-stream -> the prompt and what was forwarded', () => {
  expect(charge({ kind: 'left' })).toEqual(usage(100, 200));
  expect(charge({ kind: 'left' }, { delivery: 'whole' })).toEqual(nothing);
});

test('charge: the operator fails before its first token -> nothing', () => {
  expect(charge({ kind: 'failed' }, { text: '' })).toEqual(nothing);
});

test('charge: the operator fails mid-stream -> what was delivered, if the client has it', () => {
  expect(charge({ kind: 'failed' })).toEqual(usage(100, 200));
  expect(charge({ kind: 'failed' }, { delivery: 'whole' })).toEqual(nothing);
});

test.each([
  ['no output', ''],
  ['white space alone', ' \n\t\u00a0'],
])('charge: %s, however it ends -> nothing, whatever is counted', (_, text) => {
  const ends: readonly CallEnd[] = [
    ended(100, 200),
    ended(100, 0),
    { kind: 'ended', reported: undefined },
    { kind: 'left' },
    { kind: 'failed' },
  ];
  for (const end of ends) expect(charge(end, { text })).toEqual(nothing);
});

test('charge: usage of zero -> zero is a value', () => {
  expect(charge(ended(0, 0))).toEqual(usage(0, 0));
});

test('charge: usage missing -> our count; estimated where the tokenizer is not ours', () => {
  expect(charge({ kind: 'ended', reported: undefined })).toEqual(usage(100, 200));
  const estimated = charge({ kind: 'ended', reported: undefined }, { own: guessed(tokens) });
  expect(estimated).toEqual(usage(100, 200, { estimated: true }));
});

test('charge: a cached answer -> the usage of the answer it repeats, at the cache’s price', () => {
  const own = { promptTokens: 100, completionTokens: 200 };
  const delivered: Delivered = {
    ...{ text: 'one two', delivery: 'whole', own: exactly(own), atMost: own },
  };
  const cached = cachedPricing(pricing, 500_000); // 1 unit a token in; 1.5 out, rounded up
  expect(chargeOf(ended(100, 200), delivered, cached)).toEqual({
    ...{ kind: 'usage', usage: own, units: 100n * 1n + 200n * 2n },
    ...{ estimated: false, overstated: false },
  });
  expect(cachedPricing(pricing, 0)).toEqual({ promptUnits: 0n, completionUnits: 0n });
  expect(cachedPricing(pricing, 1_000_000)).toEqual(pricing);
});
