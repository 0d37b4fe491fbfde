import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Counts, exactly, guessed, meter, type Usage } from './price.ts';

const tokens = fc.oneof(fc.nat(20), fc.nat(100_000));
const usage = fc.record({ promptTokens: tokens, completionTokens: tokens });
const within = fc.option(fc.nat(50), { nil: undefined });
const counts: fc.Arbitrary<Counts> = fc.record({
  reported: fc.option(usage, { nil: undefined }),
  own: fc.record({
    usage,
    within: fc.record({ promptTokens: within, completionTokens: within }),
  }),
  atMost: usage,
});

const sides = ['promptTokens', 'completionTokens'] as const;

/** Of any counts, on each of their sides. */
const always = (
  promise: (counts: Counts, side: keyof Usage, metered: ReturnType<typeof meter>) => void,
) =>
  fc.assert(
    fc.property(counts, (given) => {
      for (const side of sides) promise(given, side, meter(given));
    }),
  );

test('nobody pays more than was counted, or than can be', () => {
  always(({ reported, own, atMost }, side, { usage }) => {
    expect(usage[side]).toBeLessThanOrEqual((reported ?? own.usage)[side]);
    expect(usage[side]).toBeLessThanOrEqual(atMost[side]);
  });
});

test('where ours is exact, nobody pays more than that and what it may be off by', () => {
  always(({ own, atMost }, side, { usage }) => {
    const most = own.usage[side] + (own.within[side] ?? Number.POSITIVE_INFINITY);
    expect(usage[side]).toBeLessThanOrEqual(Math.min(most, atMost[side]));
  });
});

test('an operator that is not beyond what it may be off by is paid his count', () => {
  always(({ reported, own, atMost }, side, { usage }) => {
    if (!reported || reported[side] > own.usage[side] + (own.within[side] ?? 0)) return;
    expect(usage[side]).toBe(Math.min(reported[side], atMost[side]));
  });
});

test('a side that is not exact does not change the other', () => {
  always((given, side, { usage }) => {
    const [other] = sides.filter((one) => one !== side);
    const own = { ...given.own, within: { ...given.own.within, [other]: undefined } };
    expect(meter({ ...given, own }).usage[side]).toBe(usage[side]);
  });
});

test('whoever is said to overstate is paid less than he said, and the payer may dispute it', () => {
  always(({ reported }, _, metered) => {
    if (!metered.overstated) return;
    expect(metered.estimated).toBe(true);
    expect(reported && sides.some((side) => metered.usage[side] < reported[side])).toBe(true);
  });
});

test('an operator that says 0 gets 0, and nothing is in dispute', () => {
  const none = { promptTokens: 0, completionTokens: 0 };
  fc.assert(
    fc.property(usage, usage, (ours, atMost) => {
      for (const own of [exactly(ours), guessed(ours)]) {
        const metered = meter({ reported: none, own, atMost });
        expect(metered).toEqual({ usage: none, estimated: false, overstated: false });
      }
    }),
  );
});
