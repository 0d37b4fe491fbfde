import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  entitle,
  foldPool,
  MAX_LEGS,
  NO_ENTITLEMENT,
  outstanding,
  PPM_ONE,
  type Shares,
  shareProducts,
  splitLegs,
  sumSubUnits,
  WEIGHT_ONE,
} from './split.ts';

const amounts = fc.bigInt({ min: 0n, max: 10n ** 24n });
const parties = ['pty_a', 'pty_b', 'pty_c', 'pty_d', 'pty_e'];

/** Any share vector over some of the parties: cut points on the line from 0 to 2^64. */
const shareVectors = fc.uniqueArray(fc.constantFrom(...parties), { minLength: 1 }).chain((names) =>
  fc
    .array(fc.bigInt({ min: 0n, max: WEIGHT_ONE }), {
      minLength: names.length - 1,
      maxLength: names.length - 1,
    })
    .map((cuts): Shares => {
      const ends = [...cuts.sort((a, b) => (a < b ? -1 : 1)), WEIGHT_ONE];
      return names.sort().map((to, i) => ({ to, weight: ends[i] - (ends[i - 1] ?? 0n) }));
    }),
);

const legLists = fc
  .array(fc.integer({ min: 0, max: PPM_ONE }), { maxLength: MAX_LEGS - 1 })
  .map((cuts) => {
    const ends = [...cuts.sort((a, b) => a - b), PPM_ONE];
    return ends.map((end, i) => ({ to: `leg-${i}`, ppm: end - (ends[i - 1] ?? 0) }));
  });

describe('direct legs', () => {
  test('conserve the price to the unit, each leg within one unit of its exact part', () => {
    fc.assert(
      fc.property(amounts, legLists, (amount, legs) => {
        const parts = splitLegs(amount, legs, 'leg-0');
        expect(parts.reduce((sum, part) => sum + part.amount, 0n)).toBe(amount);
        for (const [i, part] of parts.entries()) {
          const scaled = amount * BigInt(legs[i].ppm); // the exact part times 10^6
          const difference = scaled - part.amount * BigInt(PPM_ONE);
          if (i > 0) expect(difference >= 0n && difference < BigInt(PPM_ONE)).toBe(true);
          else expect(-difference < BigInt(PPM_ONE) * BigInt(legs.length)).toBe(true);
        }
      }),
    );
  });

  test('give the remainder to the named leg alone', () => {
    const legs = [
      { to: 'operator', ppm: 333_333 },
      { to: 'builder', ppm: 333_333 },
      { to: 'protocol', ppm: 333_334 },
    ];
    expect(splitLegs(10n, legs, 'protocol').map(({ amount }) => amount)).toEqual([3n, 3n, 4n]);
    expect(splitLegs(1n, legs, 'protocol').map(({ amount }) => amount)).toEqual([0n, 0n, 1n]);
  });

  test('refuse legs that do not sum to the whole, too many legs, and negative prices', () => {
    const half = { to: 'a', ppm: 500_000 };
    const many = Array.from({ length: 17 }, (_, i) => ({ to: `${i}`, ppm: i ? 0 : PPM_ONE }));
    expect(() => splitLegs(1n, [half], 'a')).toThrow('sum');
    expect(() => splitLegs(1n, [half, half], 'a')).toThrow('same name');
    expect(() => splitLegs(1n, [half, { ...half, to: 'b' }], 'c')).toThrow('No leg');
    expect(() => splitLegs(1n, many, '0')).toThrow('at most 16');
    expect(() => splitLegs(-1n, [{ to: 'a', ppm: PPM_ONE }], 'a')).toThrow('negative');
  });
});

/** The slow, obvious reference: exact lifetime shares as fractions over 2^64, summed one by one. */
function exactShares(history: readonly (readonly [bigint, Shares])[]): Map<string, bigint> {
  const exact = new Map<string, bigint>();
  for (const [amount, shares] of history) {
    for (let i = 0; i < shares.length; i++) {
      const { to, weight } = shares[i];
      exact.set(to, (exact.get(to) ?? 0n) + amount * weight);
    }
  }
  return exact;
}

const histories = fc.array(fc.tuple(amounts, shareVectors), { maxLength: 30 });

describe('entitlements', () => {
  test('conserve to the unit: no credit is negative, each payee is within one unit, the control account holds the fractions', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const entitlements = new Map(parties.map((party) => [party, NO_ENTITLEMENT]));
        let control = 0n;
        for (const [amount, shares] of history) {
          control += amount;
          for (const [to, subUnits] of shareProducts(amount, shares)) {
            const { entitlement, credit } = entitle(
              entitlements.get(to) ?? NO_ENTITLEMENT,
              subUnits,
            );
            expect(credit >= 0n).toBe(true);
            entitlements.set(to, entitlement);
            control -= credit;
          }
        }
        const exact = exactShares(history);
        let fractions = 0n;
        for (const [party, entitlement] of entitlements) {
          const short = (exact.get(party) ?? 0n) - entitlement.credited * WEIGHT_ONE;
          expect(short >= 0n && short < WEIGHT_ONE).toBe(true);
          expect(outstanding(entitlement)).toBe(short);
          fractions += short;
        }
        expect(control * WEIGHT_ONE).toBe(fractions);
      }),
    );
  });

  test('do not depend on order or on how a history is batched', () => {
    fc.assert(
      fc.property(histories, fc.infiniteStream(fc.nat()), (history, randoms) => {
        const shuffled = history
          .map((entry) => ({ entry, key: randoms.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ entry }) => entry);
        const oneByOne = new Map<string, bigint>();
        for (const [amount, shares] of history) {
          for (const [to, subUnits] of shareProducts(amount, shares)) {
            const before = oneByOne.get(to) ?? 0n;
            oneByOne.set(to, before + subUnits);
          }
        }
        const atOnce = sumSubUnits(
          shuffled.map(([amount, shares]) => shareProducts(amount, shares)),
        );
        expect(new Map([...atOnce].sort())).toEqual(new Map([...oneByOne].sort()));
      }),
    );
  });

  test('a reversal takes back exactly what its charge brought', () => {
    fc.assert(
      fc.property(histories, amounts, shareVectors, (history, amount, shares) => {
        const sum = sumSubUnits([
          ...history.map(([each, vector]) => shareProducts(each, vector)),
          shareProducts(amount, shares),
          shareProducts(-amount, shares),
        ]);
        const without = sumSubUnits(history.map(([each, vector]) => shareProducts(each, vector)));
        for (const party of parties) {
          expect(sum.get(party) ?? 0n).toBe(without.get(party) ?? 0n);
        }
        const { credit } = entitle({ entitled: amount * WEIGHT_ONE, credited: amount }, -1n);
        expect(credit).toBe(-1n); // one sub-unit below a whole unit takes the unit back
      }),
    );
  });
});

describe('pools', () => {
  test('keep every member within one sub-unit of his exact share and hold exactly the remainder', () => {
    fc.assert(
      fc.property(
        shareVectors,
        fc.array(fc.bigInt({ min: 0n, max: 10n ** 30n }), { minLength: 1, maxLength: 20 }),
        (members, arrivals) => {
          const received = new Map<string, bigint>();
          let total = 0n;
          let left = 0n;
          for (const arrival of arrivals) {
            const { added, remainder } = foldPool(
              { before: total, after: total + arrival },
              members,
            );
            total += arrival;
            left = remainder;
            for (const [to, subUnits] of added) {
              expect(subUnits >= 0n).toBe(true);
              received.set(to, (received.get(to) ?? 0n) + subUnits);
            }
          }
          let given = 0n;
          for (const { to, weight } of members) {
            const scaled = total * weight - (received.get(to) ?? 0n) * WEIGHT_ONE;
            expect(scaled >= 0n && scaled < WEIGHT_ONE).toBe(true);
            given += received.get(to) ?? 0n;
          }
          expect(given + left).toBe(total);
          expect(left < BigInt(members.length)).toBe(true);
        },
      ),
    );
  });
});

type Golden = {
  readonly numscript: readonly {
    readonly file: string;
    readonly amount: number;
    readonly portions: readonly (readonly [string, string])[];
    readonly vars: Readonly<Record<string, string>> | null;
    readonly expect_postings: readonly { readonly destination: string; readonly amount: number }[];
  }[];
  readonly ledger_machine: readonly {
    readonly it: string;
    readonly amount: number;
    readonly portions: readonly (readonly [string, string])[];
    readonly expect: readonly number[];
  }[];
};

const golden = new URL('../../shared/data/golden/allotment_formance.json', import.meta.url);
const why = existsSync(golden) ? '' : ' (skipped: ../shared/data is absent)';

/**
 * The other ledger hands left-over units out one by one in listed order; ours go whole to one named leg (the one that has
 * "remaining", or the last). So amounts may differ by the left-over units, and never by more. One of the nine cases takes a
 * portion from an account's metadata, which the file does not give: any from 12 % up to 13 % gives what is expected.
 */
describe.skipIf(!existsSync(golden))(`allotment cases of another ledger${why}`, () => {
  const cases = existsSync(golden) ? readCases(JSON.parse(readFileSync(golden, 'utf8'))) : [];

  test('are nine, and in two of them the left-over units go to the same leg or there are none', () => {
    expect(cases).toHaveLength(9);
    const equal = cases.filter(({ expected, ...one }) =>
      splitCase(one).parts.every(({ to, amount }) => amount === (expected.get(to) ?? 0n)),
    );
    expect(equal.map(({ name }) => name)).toEqual([
      'script-tests/allocate-dont-take-too-much.num',
      'script-tests/metadata.num',
    ]);
  });

  test.each(cases)('$name: conserves, and differs by left-over units only', ({
    amount,
    portions,
    expected,
  }) => {
    const { legs, parts, remainderTo } = splitCase({ amount, portions });
    expect(parts.reduce((sum, part) => sum + part.amount, 0n)).toBe(amount);
    expect([...expected.values()].reduce((sum, part) => sum + part, 0n)).toBe(amount);
    const floors = legs.map(({ ppm }) => (amount * BigInt(ppm)) / BigInt(PPM_ONE));
    const leftOver = amount - floors.reduce((sum, floor) => sum + floor, 0n);
    for (const [i, part] of parts.entries()) {
      const theirs = expected.get(part.to) ?? 0n;
      expect(theirs - floors[i]).toBeGreaterThanOrEqual(0n);
      expect(theirs - floors[i]).toBeLessThanOrEqual(1n);
      expect(part.amount - floors[i]).toBe(part.to === remainderTo ? leftOver : 0n);
    }
  });
});

function splitCase({
  amount,
  portions,
}: {
  readonly amount: bigint;
  readonly portions: readonly (readonly [string, string])[];
}) {
  const ppms = portions.map(([portion]) => ppmOf(portion));
  const rest = PPM_ONE - ppms.reduce((sum: number, ppm) => sum + (ppm ?? 0), 0);
  const legs = portions.map(([, to], i) => ({ to, ppm: ppms[i] ?? rest }));
  const remaining = ppms.indexOf(undefined);
  const remainderTo = legs[remaining === -1 ? legs.length - 1 : remaining].to;
  return { legs, remainderTo, parts: splitLegs(amount, legs, remainderTo) };
}

/** What the other ledger finds in an account's metadata. */
const METADATA: Readonly<Record<string, string>> = { commission: '12.5%', seller: 'users:053' };

function readCases({ numscript, ledger_machine }: Golden) {
  const total = (postings: Golden['numscript'][number]['expect_postings']) => {
    const sums = new Map<string, bigint>();
    for (const { destination, amount } of postings) {
      sums.set(destination, (sums.get(destination) ?? 0n) + BigInt(amount));
    }
    return sums;
  };
  return [
    ...numscript.map(({ file, amount, portions, vars, expect_postings }) => {
      const resolve = (name: string) =>
        name.startsWith('$') ? (vars?.[name.slice(1)] ?? METADATA[name.slice(1)] ?? name) : name;
      const expected = total(expect_postings);
      const named = portions.map(
        ([portion, to]) => [resolve(portion), resolve(to).replace('@', '')] as const,
      );
      const given = [...expected.values()].reduce((sum, part) => sum + part, 0n);
      if (given < BigInt(amount)) expected.set('kept', BigInt(amount) - given); // stays with its source
      return { name: file, amount: BigInt(amount), portions: named, expected };
    }),
    ...ledger_machine.map(({ it, amount, portions, expect }) => ({
      name: it,
      amount: BigInt(amount),
      portions,
      expected: new Map(portions.map(([, to], i) => [to, BigInt(expect[i])])),
    })),
  ];
}

/** '1/2', '15%', 'remaining' -> parts per million, downwards (a third is not a whole number of ppm); undefined for the remainder. */
function ppmOf(portion: string): number | undefined {
  const percent = /^([0-9.]+)%$/.exec(portion);
  if (percent) return Math.round(Number(percent[1]) * 10_000);
  const fraction = /^([0-9]+)\/([0-9]+)$/.exec(portion);
  return fraction ? Math.floor((Number(fraction[1]) * PPM_ONE) / Number(fraction[2])) : undefined;
}
