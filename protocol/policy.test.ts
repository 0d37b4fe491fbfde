import { expect, test } from 'vitest';
import { defaultPolicy, FeePolicy, feeLegs, policyHash } from './policy.ts';
import { MAX_LEGS, PPM_ONE, splitLegs } from './split.ts';

test('the default policy is a valid policy', () => {
  expect(FeePolicy.parse(defaultPolicy)).toEqual(defaultPolicy);
});

test('a policy has one name, whatever the order of its members, and another name after any change', () => {
  const reordered = FeePolicy.parse(Object.fromEntries(Object.entries(defaultPolicy).reverse()));
  expect(policyHash(reordered)).toBe(policyHash(defaultPolicy));
  const changed = { ...defaultPolicy, trace: { ...defaultPolicy.trace, minWords: 9 } };
  expect(policyHash(changed)).not.toBe(policyHash(defaultPolicy));
});

test('a schedule that does not sum to the whole is refused, and so is a data leg without data', () => {
  const { withData, withoutData } = defaultPolicy;
  const refused = [
    { ...defaultPolicy, withData: { ...withData, dataPpm: 400_000 } },
    { ...defaultPolicy, withoutData: withData },
    { ...defaultPolicy, withData: { ...withData, baseFloorPpm: 200_001 } },
    { ...defaultPolicy, withoutData: { ...withoutData, operatorPpm: 700_000.5 } },
    { ...defaultPolicy, extra: 1 },
    { ...defaultPolicy, prior: { adapterPpm: 0, basePpm: 0, contextPpm: 0 } },
  ];
  for (const policy of refused) expect(FeePolicy.safeParse(policy).success).toBe(false);
});

test('legs sum to the whole for every kind of inference', () => {
  for (const hasData of [true, false]) {
    for (const hasAdapter of [true, false]) {
      const legs = feeLegs(defaultPolicy, { hasData, hasAdapter });
      expect(legs.length).toBeLessThanOrEqual(MAX_LEGS);
      expect(legs.reduce((sum, { ppm }) => sum + ppm, 0)).toBe(PPM_ONE);
      expect(legs.some(({ to }) => to === 'data')).toBe(hasData);
      expect(legs.some(({ to }) => to === 'base')).toBe(hasAdapter);
    }
  }
});

test('an adapter served on somebody else’s base pays its builder 12 % and the base’s builder 8 %', () => {
  const legs = feeLegs(defaultPolicy, { hasData: true, hasAdapter: true });
  expect(splitLegs(1_000_003n, legs, 'treasury')).toEqual([
    { to: 'data', amount: 500_001n },
    { to: 'builder', amount: 120_000n },
    { to: 'base', amount: 80_000n },
    { to: 'operator', amount: 200_000n },
    { to: 'stakers', amount: 50_000n },
    { to: 'treasury', amount: 30_002n },
    { to: 'insurance', amount: 20_000n },
  ]);
});
