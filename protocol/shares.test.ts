import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultPolicy } from './policy.ts';
import {
  blendShares,
  COMMONS,
  formatShares,
  type Measured,
  type PriorPool,
  parseShares,
  priorPools,
  ShareList,
} from './shares.ts';
import { faultOfShares, PPM_ONE, WEIGHT_ONE } from './split.ts';

const nothing: Measured = { total: 0n, covered: 0n, parties: [], scale: 1n };

/** Evidence of any size: parts of the covered information, party by party, names repeated at will. */
const evidence: fc.Arbitrary<Measured> = fc
  .record({
    parts: fc.array(
      fc.record({
        party: fc.constantFrom('pty_a', 'pty_b', 'pty_c', 'pool:snp_1:1'),
        information: fc.bigInt({ min: 0n, max: 10n ** 30n }),
      }),
      { maxLength: 8 },
    ),
    scale: fc.bigInt({ min: 1n, max: WEIGHT_ONE }),
    uncovered: fc.bigInt({ min: 0n, max: 10n ** 12n }),
  })
  .map(({ parts, scale, uncovered }) => {
    const given = parts.reduce((sum, { information }) => sum + information, 0n);
    const covered = (given + scale - 1n) / scale;
    return { total: covered + uncovered, covered, parties: parts, scale };
  });

const pools: fc.Arbitrary<readonly PriorPool[]> = fc.array(
  fc.record({
    to: fc.constantFrom('pool:snp_1:1', 'pool:snp_2:1', 'pool:snp_3:2'),
    weight: fc.bigInt({ min: 0n, max: 10n ** 9n }),
  }),
  { maxLength: 5 },
);

describe('blending', () => {
  test('always gives a share vector that sums to exactly 2^64 and survives the wire', () => {
    fc.assert(
      fc.property(evidence, pools, fc.nat(PPM_ONE), (measured, prior, confidencePpm) => {
        const { shares, groundedPpm } = blendShares({ measured, confidencePpm, pools: prior });
        expect(faultOfShares(shares)).toBeUndefined();
        expect(parseShares(ShareList.parse(formatShares(shares)))).toEqual(shares);
        expect(groundedPpm).toBeGreaterThanOrEqual(0);
        expect(groundedPpm).toBeLessThanOrEqual(PPM_ONE);
      }),
    );
  });

  test('gives each party its measured share to within one part in 2^64, and never more', () => {
    fc.assert(
      fc.property(evidence, fc.nat(PPM_ONE), (measured, confidencePpm) => {
        const { shares } = blendShares({ measured, confidencePpm, pools: [] });
        for (const party of ['pty_a', 'pty_b', 'pty_c']) {
          const information = measured.parties
            .filter((part) => part.party === party)
            .reduce((sum, part) => sum + part.information, 0n);
          const weight = shares.find(({ to }) => to === party)?.weight ?? 0n;
          const whole = measured.total * measured.scale * BigInt(PPM_ONE);
          if (whole === 0n) continue;
          const difference = information * BigInt(confidencePpm) * WEIGHT_ONE - weight * whole;
          expect(difference >= 0n && difference < whole).toBe(true);
        }
      }),
    );
  });

  test('does not depend on the order of parties or pools', () => {
    fc.assert(
      fc.property(evidence, pools, (measured, prior) => {
        const turned = { ...measured, parties: [...measured.parties].reverse() };
        const confidencePpm = 500_000;
        expect(
          blendShares({ measured: turned, confidencePpm, pools: [...prior].reverse() }),
        ).toEqual(blendShares({ measured, confidencePpm, pools: prior }));
      }),
    );
  });

  test('pays the prior alone where the output says nothing', () => {
    const prior = [{ to: 'pool:snp_1:1', weight: 1n }];
    expect(blendShares({ measured: nothing, confidencePpm: 500_000, pools: prior })).toEqual({
      shares: [{ to: 'pool:snp_1:1', weight: WEIGHT_ONE }],
      groundedPpm: 0,
    });
  });

  test('pays the commons where there is no prior', () => {
    const { shares } = blendShares({ measured: nothing, confidencePpm: 500_000, pools: [] });
    expect(shares).toEqual([{ to: COMMONS, weight: WEIGHT_ONE }]);
  });

  test('worked by hand: a quarter of the words traced to two owners at confidence one half', () => {
    const { shares, groundedPpm } = blendShares({
      measured: {
        total: 400n,
        covered: 100n,
        scale: 2n,
        parties: [
          { party: 'pty_b', information: 150n },
          { party: 'pty_a', information: 50n },
        ],
      },
      confidencePpm: 500_000,
      pools: [
        { to: 'pool:y:1', weight: 1n },
        { to: 'pool:x:1', weight: 3n },
      ],
    });
    const sixtyFourth = WEIGHT_ONE / 64n;
    expect(groundedPpm).toBe(250_000);
    expect(shares).toEqual([
      { to: 'pool:x:1', weight: 42n * sixtyFourth }, // 3/4 of 7/8
      { to: 'pool:y:1', weight: 14n * sixtyFourth },
      { to: 'pty_a', weight: 2n * sixtyFourth }, // 1/2 * 1/4 * 1/4
      { to: 'pty_b', weight: 6n * sixtyFourth },
    ]);
  });

  test('refuses evidence that gives away more than it covers', () => {
    const parties = [{ party: 'pty_a', information: 11n }];
    const measured = { total: 10n, covered: 10n, scale: 1n, parties };
    expect(() => blendShares({ measured, confidencePpm: 1, pools: [] })).toThrow(
      'more information',
    );
  });
});

describe('the prior', () => {
  const weightsOf = (snapshots: Parameters<typeof priorPools>[1]) =>
    priorPools(defaultPolicy, snapshots);

  test('halves between adapter and base, and divides a kind equally among its snapshots', () => {
    const pools = weightsOf([
      { role: 'adapter', pool: 'a1' },
      { role: 'adapter', pool: 'a2' },
      { role: 'base', pool: 'b' },
    ]);
    expect(pools).toEqual([
      { to: 'a1', weight: 500_000n },
      { to: 'a2', weight: 500_000n },
      { to: 'b', weight: 1_000_000n },
    ]);
  });

  test('has only the kinds that an inference has', () => {
    expect(weightsOf([])).toEqual([]);
    expect(weightsOf([{ role: 'context', pool: 'c' }])).toEqual([{ to: 'c', weight: 500_000n }]);
  });
});

test('a share list is refused when unsorted, incomplete, or not in plain decimals', () => {
  const half = (WEIGHT_ONE / 2n).toString();
  const refused = [
    [{ to: 'a', weight: half }],
    [
      { to: 'b', weight: half },
      { to: 'a', weight: half },
    ],
    [
      { to: 'a', weight: half },
      { to: 'a', weight: half },
    ],
    [{ to: 'a', weight: `0${WEIGHT_ONE}` }],
    [{ to: 'a', weight: '-1' }],
  ];
  for (const list of refused) expect(ShareList.safeParse(list).success).toBe(false);
});
