import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromUtf8 } from './bytes.ts';
import {
  EntitlementList,
  entitlementHash,
  entitlementOf,
  faultOfEntitlement,
  formatEntitlement,
  parseEntitlement,
  poolEntitlement,
  refinedEntitlement,
  sharedEntitlement,
  snapshotLeaf,
} from './snapshot.ts';
import { WEIGHT_ONE } from './split.ts';

const party = fc.integer({ min: 0, max: 12 }).map((n) => `pty_${n.toString(16).padStart(32, '0')}`);
const claim = fc.record({ party, weight: fc.bigInt(0n, 2n ** 80n) });
const claims = fc
  .array(claim, { minLength: 1, maxLength: 20 })
  .filter((list) => list.some(({ weight }) => weight > 0n));
const vector = claims.map(entitlementOf);

test('claims become a vector that sums to 2^64, each party within one unit of its exact part', () => {
  fc.assert(
    fc.property(claims, (list) => {
      const owners = entitlementOf(list);
      expect(faultOfEntitlement(owners)).toBeUndefined();
      const all = list.reduce((sum, { weight }) => sum + weight, 0n);
      for (const { party: name, weight } of owners) {
        const claimed = list.reduce((sum, one) => sum + (one.party === name ? one.weight : 0n), 0n);
        const difference = weight * all - claimed * WEIGHT_ONE;
        expect(difference > -all && difference < all).toBe(true);
      }
    }),
  );
});

test('neither the order of claims nor splitting one of them changes anything', () => {
  fc.assert(
    fc.property(claims, fc.bigInt(0n, 2n ** 80n), (list, cut) => {
      const [first, ...rest] = list;
      const part = cut < first.weight ? cut : first.weight;
      const split = [
        ...rest,
        { ...first, weight: part },
        { ...first, weight: first.weight - part },
      ];
      expect(entitlementOf(split)).toEqual(entitlementOf(list));
    }),
  );
});

test('a refined record still sums to 2^64, and its refiner has exactly his floor on top', () => {
  fc.assert(
    fc.property(vector, fc.integer({ min: 0, max: 1_000_000 }), (parent, ppm) => {
      const refined = refinedEntitlement(parent, { refiner: 'pty_refiner', ppm });
      expect(faultOfEntitlement(refined)).toBeUndefined();
      const share = refined.find((one) => one.party === 'pty_refiner')?.weight ?? 0n;
      expect(share).toBe((WEIGHT_ONE * BigInt(ppm)) / 1_000_000n);
    }),
  );
});

test('equal claimants of one text share it equally', () => {
  const alice = entitlementOf([{ party: 'alice', weight: 1n }]);
  const bob = entitlementOf([{ party: 'bob', weight: 7n }]);
  expect(sharedEntitlement([alice, bob])).toEqual([
    { party: 'alice', weight: 2n ** 63n },
    { party: 'bob', weight: 2n ** 63n },
  ]);
});

test('a pool weighs records by value, is the same in any order, and is empty when nothing counts', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ owners: vector, value: fc.bigInt(0n, 2n ** 60n) }), { maxLength: 10 }),
      (members) => {
        const pool = poolEntitlement(members);
        expect(poolEntitlement([...members].reverse())).toEqual(pool);
        if (members.every(({ value }) => value === 0n)) expect(pool).toEqual([]);
        else expect(faultOfEntitlement(pool)).toBeUndefined();
      },
    ),
  );
});

test('vectors survive the wire, and what is not one is refused there', () => {
  fc.assert(
    fc.property(vector, (owners) => {
      const list = EntitlementList.parse(formatEntitlement(owners));
      expect(parseEntitlement(list)).toEqual(owners);
      expect(entitlementHash(parseEntitlement(list))).toBe(entitlementHash(owners));
    }),
  );
  expect(EntitlementList.safeParse([{ party: 'a', weight: '1' }]).success).toBe(false);
});

test('a leaf is canonical JSON with the owner map first', () => {
  expect(fromUtf8(snapshotLeaf({ record: 'aa', owners: 'bb', map: 'cc' }))).toBe(
    '{"map":"cc","owners":"bb","record":"aa"}',
  );
});
