/** Whole histories of fees, refunds, reallocations and epochs, against exact fractions computed another way. */
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Accumulator,
  distribute,
  type Entitlement,
  entitle,
  foldPool,
  NO_ENTITLEMENT,
  outstanding,
  refundParts,
  type Shares,
  type SubUnits,
  shareProducts,
  splitLegs,
  sumSubUnits,
  WEIGHT_ONE,
} from './split.ts';

/** What happens to one price, in its own order. */
type Fee = {
  readonly epoch: number;
  readonly units: bigint;
  readonly shares: Shares;
  readonly later: readonly (
    | { readonly kind: 'refund'; readonly ppm: number }
    | { readonly kind: 'reallocation'; readonly shares: Shares }
  )[];
};

type Pools = ReadonlyMap<string, Shares>;

const LEGS = [
  { to: 'data', ppm: 500_000 },
  { to: 'builder', ppm: 333_333 },
  { to: 'treasury', ppm: 166_667 },
];

/** Steps of several fees in one line: each fee's own order is kept. A fee's number stands for its next step. */
type Line = readonly ({ readonly fee: number } | 'roll-up' | 'mature')[];

/** The stage without its database: the same functions in the same roles. */
function live(fees: readonly Fee[], pools: Pools, line: Line) {
  const entitlements = new Map<string, Entitlement>();
  const accumulators = new Map<string, Accumulator>();
  const folded = new Map<string, { readonly total: bigint; readonly remainder: bigint }>();
  const progress = fees.map(({ shares }) => ({ step: 0, shares, remaining: [] as bigint[] }));
  let waiting: SubUnits[] = [];
  let matured = 0;
  let control = 0n;
  let fewest = 0n;

  const credit = (sums: SubUnits) => {
    for (const [to, subUnits] of sums) {
      const { entitlement, credit } = entitle(entitlements.get(to) ?? NO_ENTITLEMENT, subUnits);
      entitlements.set(to, entitlement);
      control -= credit;
      if (entitlement.credited < fewest) fewest = entitlement.credited;
    }
  };
  const fold = (pool: string, subUnits: bigint) => {
    const before = folded.get(pool)?.total ?? 0n;
    const after = before + subUnits;
    const { added, remainder } = foldPool({ before, after }, pools.get(pool)!);
    folded.set(pool, { total: after, remainder });
    credit(added);
  };
  const rollUp = () => {
    credit(sumSubUnits(waiting));
    waiting = [];
  };
  const add = (epoch: number, amount: bigint, shares: Shares) => {
    const direct = new Map<string, bigint>();
    for (const { to, weight } of shares) {
      if (!pools.has(to)) direct.set(to, amount * weight);
      else if (epoch <= matured) fold(to, amount * weight);
      else {
        const key = `${to} ${epoch}`;
        const accumulator = accumulators.get(key) ?? { pool: to, epoch, subUnits: 0n };
        accumulators.set(key, distribute(accumulator, { amount, weight }));
      }
    }
    waiting.push(direct);
    control += amount;
  };
  const mature = () => {
    rollUp();
    matured += 1;
    for (const [key, { pool, epoch, subUnits }] of accumulators) {
      if (epoch > matured) continue;
      accumulators.delete(key);
      fold(pool, subUnits);
    }
  };
  const step = (number: number) => {
    const { epoch, units, later } = fees[number];
    const own = progress[number];
    if (own.step === 0) {
      own.remaining = splitLegs(units, LEGS, 'treasury').map(({ amount }) => amount);
      add(epoch, own.remaining[0], own.shares);
    } else {
      const next = later[own.step - 1];
      if (next.kind === 'refund') {
        const left = own.remaining.reduce((sum, each) => sum + each, 0n);
        const parts = refundParts(own.remaining, (left * BigInt(next.ppm)) / 1_000_000n);
        own.remaining = own.remaining.map((each, i) => each - parts[i]);
        add(epoch, -parts[0], own.shares);
      } else if (epoch > matured) {
        add(epoch, -own.remaining[0], own.shares);
        own.shares = next.shares;
        add(epoch, own.remaining[0], own.shares);
      }
    }
    own.step += 1;
  };

  for (const each of line) {
    if (each === 'roll-up') rollUp();
    else if (each === 'mature') mature();
    else if (progress[each.fee].step <= fees[each.fee].later.length) step(each.fee);
  }
  for (const number of fees.keys()) {
    while (progress[number].step <= fees[number].later.length) step(number);
  }
  while (matured < 4) mature();
  rollUp();
  return { entitlements, folded, progress, control, fewest };
}

/** A fraction, reduced: slow, obvious, and it knows nothing of 2^64. */
type Fraction = { readonly n: bigint; readonly d: bigint };

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b));
const fraction = (n: bigint, d: bigint): Fraction => {
  const common = gcd(n, d) || 1n;
  return { n: n / common, d: d / common };
};
const plus = (a: Fraction, b: Fraction): Fraction => fraction(a.n * b.d + b.n * a.d, a.d * b.d);
const times = (a: Fraction, b: Fraction): Fraction => fraction(a.n * b.n, a.d * b.d);
const NOTHING = fraction(0n, 1n);

/** What everybody should have at the end: what is left of each data leg, by its newest shares, through the pools. */
function exactLifetimes(
  ends: readonly { readonly left: bigint; readonly shares: Shares }[],
  pools: Pools,
): ReadonlyMap<string, Fraction> {
  const exact = new Map<string, Fraction>();
  const give = (to: string, amount: Fraction) => {
    const members = pools.get(to);
    if (!members) exact.set(to, plus(exact.get(to) ?? NOTHING, amount));
    else {
      const whole = members.reduce((sum, { weight }) => sum + weight, 0n);
      for (const member of members) give(member.to, times(amount, fraction(member.weight, whole)));
    }
  };
  for (const { left, shares } of ends) {
    const whole = shares.reduce((sum, { weight }) => sum + weight, 0n);
    for (const { to, weight } of shares) give(to, fraction(left * weight, whole));
  }
  return exact;
}

/** Conserved, nobody below zero, and everybody within one unit of the exact lifetime share. */
function assertExact(
  { entitlements, folded, progress, control, fewest }: ReturnType<typeof live>,
  pools: Pools,
) {
  const ends = progress.map(({ remaining, shares }) => ({ left: remaining[0], shares }));
  const exact = exactLifetimes(ends, pools);
  let credited = 0n;
  let fractions = 0n;
  for (const [to, entitlement] of entitlements) {
    const share = exact.get(to) ?? NOTHING;
    // Each pool may owe its member less than one sub-unit beside the fraction of a unit.
    const slack = fraction(BigInt(pools.size), WEIGHT_ONE);
    const missing = plus(share, fraction(-entitlement.credited, 1n));
    expect(missing.n >= 0n).toBe(true);
    const most = plus(fraction(1n, 1n), slack);
    expect(missing.n * most.d < most.n * missing.d).toBe(true);
    credited += entitlement.credited;
    fractions += outstanding(entitlement);
  }
  for (const { remainder } of folded.values()) fractions += remainder;
  expect(fewest).toBe(0n);
  expect(credited + control).toBe(ends.reduce((sum, { left }) => sum + left, 0n));
  expect(control * WEIGHT_ONE).toBe(fractions);
}

const amounts = fc.oneof(
  fc.bigInt({ min: 0n, max: 20n }),
  fc.bigInt({ min: 0n, max: 10n ** 24n + 3n }),
);

/** Weights from cut points on the line from 0 to 2^64. */
const vectorOver = (names: readonly string[]) =>
  fc
    .array(fc.bigInt({ min: 0n, max: WEIGHT_ONE }), {
      minLength: names.length - 1,
      maxLength: names.length - 1,
    })
    .map((cuts): Shares => {
      const ends = [...cuts.sort((a, b) => (a < b ? -1 : 1)), WEIGHT_ONE];
      return [...names].sort().map((to, i) => ({ to, weight: ends[i] - (ends[i - 1] ?? 0n) }));
    });
const vectors = (names: readonly string[]) =>
  fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 6 }).chain(vectorOver);

const parties = ['pty_a', 'pty_b', 'pty_c', 'pty_d', 'pty_e'];
/** The second version of a pool has other members; whoever was paid by the first stays paid by the first. */
const poolNames = ['pool:one:1', 'pool:one:2', 'pool:two:1'];
const pools = fc
  .tuple(vectors(parties), vectors(parties), vectors(parties))
  .map((members): Pools => new Map(poolNames.map((name, i) => [name, members[i]])));

const feesOver = (names: readonly string[]): fc.Arbitrary<Fee> =>
  fc.record({
    epoch: fc.integer({ min: 1, max: 3 }),
    units: amounts,
    shares: vectors(names),
    later: fc.array(
      fc.oneof(
        fc.record({
          kind: fc.constant('refund' as const),
          ppm: fc.constantFrom(1, 10, 333_333, 500_000, 999_999, 1_000_000),
        }),
        fc.record({ kind: fc.constant('reallocation' as const), shares: vectors(names) }),
      ),
      { maxLength: 4 },
    ),
  });

/** A line that matures nothing: the order of epochs is a fact of its own, and decides what may be reallocated. */
const lines = fc.array(fc.oneof(fc.record({ fee: fc.nat(7) }), fc.constant('roll-up' as const)), {
  maxLength: 40,
});
const maturingLines = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ fee: fc.nat(7) }) },
    { weight: 2, arbitrary: fc.constant('roll-up' as const) },
    { weight: 1, arbitrary: fc.constant('mature' as const) },
  ),
  { maxLength: 40 },
);
const histories = fc.array(feesOver([...parties, ...poolNames]), { minLength: 8, maxLength: 8 });

const standing = ({ entitlements }: ReturnType<typeof live>) =>
  [...entitlements]
    .filter(([, { entitled }]) => entitled !== 0n)
    .sort(([a], [b]) => (a < b ? -1 : 1));

describe('a history of fees, refunds, reallocations, pools and epochs', () => {
  test('is exact: conserved to the unit, nobody below zero, everybody within one unit of his lifetime share', () => {
    fc.assert(
      fc.property(histories, pools, maturingLines, (fees, members, line) => {
        assertExact(live(fees, members, line), members);
      }),
      { numRuns: 1500 },
    );
  });

  test('ends alike in any order and however it is grouped into roll-ups', () => {
    fc.assert(
      fc.property(histories, pools, lines, lines, (fees, members, one, other) => {
        expect(standing(live(fees, members, one))).toEqual(standing(live(fees, members, other)));
      }),
      { numRuns: 1500 },
    );
  });

  test('without reallocations does not depend on when epochs mature either', () => {
    fc.assert(
      fc.property(histories, pools, maturingLines, maturingLines, (fees, members, one, other) => {
        const plain = fees.map((fee) => ({
          ...fee,
          later: fee.later.filter(({ kind }) => kind === 'refund'),
        }));
        // A fee belongs to an epoch that has not matured; that is kept by routing everything first.
        const all = fees.map((_, fee) => ({ fee }));
        expect(standing(live(plain, members, [...all, ...one]))).toEqual(
          standing(live(plain, members, [...all, ...other])),
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('is exact for vectors of up to 1,017 parties and amounts of up to 10^24 + 3', () => {
    const crowd = Array.from({ length: 1017 }, (_, i) => `pty_${i.toString().padStart(4, '0')}`);
    const crowds = fc
      .tuple(fc.integer({ min: 1, max: 1017 }), fc.integer({ min: 0, max: 2 ** 31 }))
      .map(([count, seed]) => zipf(crowd.slice(0, count), seed));
    const fee = fc.record({
      epoch: fc.constant(1),
      units: fc.constantFrom(1n, 12_345n, 10n ** 24n + 3n),
      shares: crowds,
      later: fc.constantFrom<Fee['later']>([], [{ kind: 'refund', ppm: 333_333 }]),
    });
    fc.assert(
      fc.property(fc.array(fee, { minLength: 1, maxLength: 4 }), (fees) => {
        assertExact(live(fees, new Map(), []), new Map());
      }),
      { numRuns: 25 },
    );
  });
});

describe('partial refunds', () => {
  const prices = fc.array(fc.bigInt({ min: 0n, max: 10n ** 24n }), { minLength: 1, maxLength: 16 });

  test('sum exactly, take from no leg more than remains, and end in the exact mirror', () => {
    fc.assert(
      fc.property(prices, fc.array(fc.integer({ min: 0, max: 1_000_000 })), (legs, ppms) => {
        const sum = (amounts: readonly bigint[]) => amounts.reduce((all, each) => all + each, 0n);
        let remaining: readonly bigint[] = legs;
        for (const ppm of [...ppms, 1_000_000]) {
          const amount = (sum(remaining) * BigInt(ppm)) / 1_000_000n;
          const parts = refundParts(remaining, amount);
          expect(sum(parts)).toBe(amount);
          parts.forEach((part, i) => {
            expect(part >= 0n && part <= remaining[i]).toBe(true);
            const scaled = part * sum(remaining) - amount * remaining[i]; // off by less than a unit
            if (sum(remaining) > 0n) {
              expect(scaled < sum(remaining) && -scaled < sum(remaining)).toBe(true);
            }
          });
          remaining = remaining.map((rest, i) => rest - parts[i]);
        }
        expect(sum(remaining)).toBe(0n);
      }),
      { numRuns: 2000 },
    );
  });

  test('never exceed what remains', () => {
    expect(() => refundParts([1n, 2n], 4n)).toThrow('at most what remains');
    expect(() => refundParts([1n, 2n], -1n)).toThrow('at most what remains');
    expect(refundParts([0n, 0n], 0n)).toEqual([0n, 0n]);
  });
});

/** Weights that fall as 1/rank, in an order made from the seed; what rounding leaves goes to the first. */
function zipf(names: readonly string[], seed: number): Shares {
  const ranks = names.map((to, i) => ({ to, key: Math.imul(i + 1, 2654435761) ^ seed }));
  const counts = new Map(
    ranks.sort((a, b) => a.key - b.key).map(({ to }, rank) => [to, 1_000_000n / BigInt(rank + 1)]),
  );
  return byCount(counts);
}

function byCount(counts: ReadonlyMap<string, bigint>): Shares {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0n);
  const shares = [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([to, count]) => ({ to, weight: (WEIGHT_ONE * count) / total }));
  const rest = shares.reduce((left, { weight }) => left - weight, WEIGHT_ONE);
  return shares.map((share, i) => (i === 0 ? { ...share, weight: share.weight + rest } : share));
}

/** In roll-ups of growing and shrinking size; the k-th fee is one of many, so only sums can tell them apart. */
function assertTenThousandFees(shares: Shares): void {
  const FEES = 10_000;
  const AMOUNT = 12_345n;
  const entitlements = new Map<string, Entitlement>();
  let control = 0n;
  for (let fee = 0, size = 1; fee < FEES; fee += size, size = (size * 7 + 3) % 97 || 1) {
    const count = Math.min(size, FEES - fee);
    control += AMOUNT * BigInt(count);
    const sums = shareProducts(AMOUNT * BigInt(count), shares);
    for (const [to, subUnits] of sums) {
      const { entitlement, credit } = entitle(entitlements.get(to) ?? NO_ENTITLEMENT, subUnits);
      if (credit < 0n) throw new Error(`${to} was credited ${credit}.`);
      entitlements.set(to, entitlement);
      control -= credit;
    }
  }
  let credited = 0n;
  for (const { to, weight } of shares) {
    const { credited: whole } = entitlements.get(to)!;
    const missing = BigInt(FEES) * AMOUNT * weight - whole * WEIGHT_ONE;
    expect(missing >= 0n && missing < WEIGHT_ONE).toBe(true);
    credited += whole;
  }
  expect(credited + control).toBe(BigInt(FEES) * AMOUNT);
  expect(control < BigInt(shares.length)).toBe(true);
}

const tatoeba = new URL('../../shared/data/corpora/tatoeba/pairs.jsonl', import.meta.url);

describe('10,000 fees of 12,345 units', () => {
  test.skipIf(!existsSync(tatoeba))(
    `over the 712 people of Tatoeba, by their sentences${existsSync(tatoeba) ? '' : ' (skipped: ../shared/data is absent)'}`,
    () => {
      const counts = new Map<string, bigint>();
      for (const line of readFileSync(tatoeba, 'utf8').trim().split('\n')) {
        const { en_user, sv_user } = JSON.parse(line);
        for (const user of [en_user, sv_user]) counts.set(user, (counts.get(user) ?? 0n) + 1n);
      }
      expect(counts.size).toBe(712);
      assertTenThousandFees(byCount(counts));
    },
  );

  test('over 712 people whose weights fall as 1/rank', () => {
    const crowd = Array.from({ length: 712 }, (_, i) => `pty_${i.toString().padStart(4, '0')}`);
    assertTenThousandFees(zipf(crowd, 12_345));
  });
});

describe('a pool of a million', () => {
  test('takes in a distribution without touching its members', () => {
    const TIMES = 100_000;
    let accumulator: Accumulator = { pool: 'pool:million:1', epoch: 1, subUnits: 0n };
    const start = performance.now();
    for (let i = 0; i < TIMES; i++) {
      accumulator = distribute(accumulator, { amount: 12_345n, weight: WEIGHT_ONE / 3n });
    }
    const microseconds = ((performance.now() - start) * 1000) / TIMES;
    expect(accumulator.subUnits).toBe(BigInt(TIMES) * 12_345n * (WEIGHT_ONE / 3n));
    expect(microseconds).toBeLessThan(20);
  });

  test('folds to the sub-unit', () => {
    const count = 1_000_000;
    const each = WEIGHT_ONE / BigInt(count);
    const members: Shares = Array.from({ length: count }, (_, i) => ({
      to: `pty_${i.toString().padStart(7, '0')}`,
      weight: i === 0 ? WEIGHT_ONE - each * BigInt(count - 1) : each,
    }));
    const after = (10n ** 24n + 3n) * WEIGHT_ONE;
    const { added, remainder } = foldPool({ before: 0n, after }, members);
    let given = remainder;
    for (const subUnits of added.values()) given += subUnits;
    expect(given).toBe(after);
    expect(remainder < BigInt(count)).toBe(true);
  });
});
