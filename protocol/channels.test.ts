import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChannelEvidence, ContextEvidence, GameEvidence } from './channel-evidence.ts';
import {
  type Attributable,
  evidenceOfPart,
  gainsOf,
  ownerValues,
  partsOf,
  shapley,
  shareByChannels,
} from './channels.ts';
import type { Evidence } from './evidence.ts';
import { defaultPolicy } from './policy.ts';
import { weightBySampling } from './sampling.ts';
import { COMMONS, type SnapshotRole, snapshotRoles } from './shares.ts';
import { faultOfShares, PPM_ONE, type Shares, WEIGHT_ONE } from './split.ts';

const snapshotOf = { adapter: 'snp_a', base: 'snp_b', context: 'snp_c' } as const;
const poolOf = (role: SnapshotRole) => `pool:${snapshotOf[role]}:1`;
const record = (n: number) => n.toString(16).padStart(64, '0');
const owner = (n: number): Shares => [{ to: `pty_${n}`, weight: WEIGHT_ONE }];

/** Records 1 to 6 belong to parties 1 to 6 alone; record 7 in thirds to 1 and 2. */
const thirds: Shares = [
  { to: 'pty_1', weight: WEIGHT_ONE / 3n },
  { to: 'pty_2', weight: WEIGHT_ONE - WEIGHT_ONE / 3n },
];
const ownersOf = (hash: string): Shares =>
  hash === record(7) ? thirds : owner(Number.parseInt(hash, 16));

/** Passages of a word each, told apart by their record; what they are worth is their information. */
const traced = (
  passages: readonly { record: number; role: SnapshotRole; information: number }[],
  total: number,
) =>
  ({
    information: { total, covered: passages.reduce((sum, one) => sum + one.information, 0) },
    spans: passages.map(({ record: n, role, information }, i) => ({
      ...{ start: i * 10, end: i * 10 + 5, firstWord: i, words: 1, echo: false, commons: false },
      information: [information],
      records: [{ record: record(n), snapshot: snapshotOf[role], start: 0, end: 5 }],
    })),
  }) as unknown as Evidence;

/** One word a passage, one record a passage: what a passage is worth goes to that record's owners. */
const measure: Attributable['measure'] = ({ spans: all, information }) => {
  const spans = all.filter(({ records }) => records.length > 0);
  const covered = spans.reduce((sum, span) => sum + BigInt(span.information[0]), 0n);
  return {
    ...{ total: BigInt(information.total), covered, scale: WEIGHT_ONE },
    parties: spans.flatMap((span) =>
      ownersOf(span.records[0].record).map(({ to, weight }) => ({
        party: to,
        information: BigInt(span.information[0]) * weight,
      })),
    ),
  };
};

const naming = (hash: string, role: SnapshotRole) => ({
  record: hash,
  snapshot: snapshotOf[role] as `snp_${string}`,
});

const gameOf = (roles: readonly SnapshotRole[], scores: readonly number[]): GameEvidence => ({
  ...{ algorithm: 'likelihood-game-1', kind: 'contributive' },
  ...{ unigram: scores[0], none: scores[1] },
  adapter: roles.includes('adapter') ? scores[2] : null,
  context: roles.includes('context') ? scores[3] : null,
  both: roles.includes('adapter') && roles.includes('context') ? scores[4] : null,
});

const score = fc.integer({ min: -(2 ** 30), max: 0 });
const ppm = fc.nat(PPM_ONE);

const attributable: fc.Arbitrary<Attributable> = fc
  .record({
    roles: fc.subarray([...snapshotRoles], { minLength: 1 }),
    prior: fc.record({ adapterPpm: ppm, basePpm: ppm, contextPpm: ppm }),
    confidencePpm: fc.record({
      ...{ game: ppm, context: ppm },
      influence: ppm.map((ppm) => [{ adapters: 2, ppm }]),
    }),
    tracePpm: fc.nat(500_000),
    noisePerToken: fc.constantFrom(0, 1000, 2 ** 20),
    passages: fc.array(
      fc.record({
        record: fc.integer({ min: 1, max: 7 }),
        role: fc.constantFrom(...snapshotRoles),
        information: fc.nat(10 ** 6),
      }),
      { maxLength: 6 },
    ),
    uncovered: fc.nat(10 ** 6),
    isScored: fc.boolean(),
    drawPpm: fc.constantFrom(PPM_ONE, 700_000, 10_000),
    tokens: fc.integer({ min: 1, max: 100 }),
    game: fc.array(score, { minLength: 5, maxLength: 5 }),
    owners: fc.integer({ min: 1, max: 7 }),
    context: fc.array(score, { minLength: 32, maxLength: 32 }),
    groups: fc.array(
      fc.record({
        score: fc.integer({ min: -(2 ** 25), max: 2 ** 25 }),
        records: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { maxLength: 3 }),
        each: fc.integer({ min: 1, max: 2 ** 20 }),
        rest: fc.nat(2 ** 20),
      }),
      { maxLength: 3 },
    ),
  })
  .map((given): Attributable => {
    const { roles, passages, owners } = given;
    const algorithm = owners <= 5 ? 'context-shapley-1' : 'context-ends-1';
    const context: ContextEvidence = {
      ...{ algorithm, kind: 'contributive' },
      owners: Array.from({ length: owners }, (_, i) => ({
        records: [naming(record(i + 1), 'context')],
      })),
      scores: given.context.slice(0, owners <= 5 ? 2 ** owners : 2 * owners + 2),
    };
    const channels: ChannelEvidence = {
      version: 'channels-1',
      draw: { passes: 1, adapters: 0, ppm: given.drawPpm, checkpoint: null },
      scores: {
        tokens: given.tokens,
        game: gameOf(roles, given.game),
        context: roles.includes('context') ? context : null,
        influence: roles.includes('adapter')
          ? {
              ...{ algorithm: 'fake-1', kind: 'contributive', adapters: 4 },
              groups: given.groups.map(({ score, records, each, rest }) => ({
                ...{ score, rest },
                records: records.map((n) => ({ ...naming(record(n), 'adapter'), score: each * n })),
              })),
            }
          : null,
      },
    };
    const covered = passages.reduce((sum, { information }) => sum + information, 0);
    return {
      policy: {
        trace: { ...defaultPolicy.trace, confidencePpm: given.tracePpm },
        prior: given.prior,
        channels: {
          ...defaultPolicy.channels,
          confidencePpm: given.confidencePpm,
          noisePerToken: given.noisePerToken,
        },
      },
      snapshots: roles.map((role) => ({ snapshot: snapshotOf[role], role, pool: poolOf(role) })),
      retrieved: roles.includes('context') ? [1, 2, 3].map((n) => ({ record: record(n) })) : [],
      evidence: traced(passages, covered + given.uncovered),
      channels: given.isScored ? channels : undefined,
      ...{ measure, ownersOf },
    };
  });

/** A number as a fraction; slow, exact, and obvious. */
type Q = { readonly n: bigint; readonly d: bigint };
const q = (n: bigint | number, d: bigint | number = 1n): Q => ({ n: BigInt(n), d: BigInt(d) });
const add = (a: Q, b: Q): Q => q(a.n * b.d + b.n * a.d, a.d * b.d);
const less = (a: Q, b: Q): Q => add(a, q(-b.n, b.d));
const times = (a: Q, b: Q): Q => q(a.n * b.n, a.d * b.d);
const over = (a: Q, b: Q): Q => q(a.n * b.d, a.d * b.n);
const above0 = (a: Q): Q => (a.n * a.d > 0n ? a : q(0));
const isMore = (a: Q, b: Q): boolean =>
  a.n * b.d * (a.d * b.d > 0n ? 1n : -1n) > b.n * a.d * (a.d * b.d > 0n ? 1n : -1n);
const sum = (list: readonly Q[]): Q => list.reduce(add, q(0));

/** Shapley's value as it is defined: the mean over all orders of what a player adds when he comes. */
function shapleyByOrders(players: number, worth: (coalition: number) => Q): readonly Q[] {
  const values = Array.from({ length: players }, () => q(0));
  let orders = 0;
  const walk = (coalition: number) => {
    const left = Array.from({ length: players }, (_, i) => i).filter(
      (i) => !(coalition & (1 << i)),
    );
    if (left.length === 0) orders++;
    for (const player of left) walk(coalition | (1 << player));
  };
  walk(0);
  const addUp = (coalition: number, ways: bigint) => {
    const left = Array.from({ length: players }, (_, i) => i).filter(
      (i) => !(coalition & (1 << i)),
    );
    let after = 1n;
    for (let n = 2; n < left.length; n++) after *= BigInt(n);
    for (const player of left) {
      const added = less(worth(coalition | (1 << player)), worth(coalition));
      values[player] = add(values[player], times(added, q(ways * after, BigInt(orders))));
      addUp(coalition | (1 << player), ways);
    }
  };
  addUp(0, 1n);
  return values;
}

/** The rules of `channels.ts` again, in fractions and in the order of their sentences. */
function slowShares(of: Attributable, withScores: boolean): Map<string, Q> {
  const { policy } = of;
  const scores = (withScores && of.channels?.scores) || undefined;
  const roles = snapshotRoles.filter((role) => of.snapshots.some((one) => one.role === role));
  const agreedSum = roles.reduce((all, role) => all + policy.prior[`${role}Ppm`], 0);
  const agreed = (role: SnapshotRole) =>
    agreedSum === 0 ? q(1, roles.length) : q(policy.prior[`${role}Ppm`], agreedSum);
  const noise = q(BigInt(policy.channels.noisePerToken) * BigInt(scores?.tokens ?? 0));

  const shares = new Map<string, Q>();
  const give = (to: string, part: Q) => shares.set(to, add(shares.get(to) ?? q(0), part));
  const gains = new Map<SnapshotRole, Q>();
  if (scores) {
    const { game } = scores;
    const v = [game.none, game.adapter, game.context, game.both];
    const worth = (coalition: number) => {
      const isPlayed = v.map((one) => one !== null);
      const seen = (coalition & 1 && isPlayed[1] ? 1 : 0) + (coalition & 2 && isPlayed[2] ? 2 : 0);
      return q(v[seen] ?? game.none);
    };
    const [adapter, context] = shapleyByOrders(2, worth);
    gains.set('adapter', above0(adapter));
    gains.set('context', above0(context));
    gains.set('base', above0(less(q(game.none), q(game.unigram))));
  }
  const gained = sum(roles.map((role) => gains.get(role) ?? q(0)));
  const isNoise = scores !== undefined && !isMore(gained, noise);
  for (const role of roles) {
    const trusted = q(policy.channels.confidencePpm.game, PPM_ONE);
    const weight =
      scores && !isNoise
        ? add(
            times(trusted, over(gains.get(role) ?? q(0), gained)),
            times(less(q(1), trusted), agreed(role)),
          )
        : agreed(role);
    let rest = weight;
    const { c, parts } = isNoise
      ? { c: q(0), parts: [] }
      : slowDivision(of, { role, scores, noise });
    for (const { to, part } of parts) {
      const share = times(times(weight, c), part);
      give(to, share);
      rest = less(rest, share);
    }
    give(policy.prior[`${role}Ppm`] > 0 ? poolOf(role) : COMMONS, rest);
  }
  return shares;
}

type Scores = NonNullable<ChannelEvidence['scores']>;

function slowDivision(
  of: Attributable,
  { role, scores, noise }: { role: SnapshotRole; scores: Scores | undefined; noise: Q },
): { c: Q; parts: { to: string; part: Q }[] } {
  const { channels, trace } = of.policy;
  const split = (hash: string, part: Q) =>
    ownersOf(hash).map(({ to, weight }) => ({ to, part: times(part, q(weight, WEIGHT_ONE)) }));
  if (role === 'context' && scores?.context) {
    const { owners, scores: worth, algorithm } = scores.context;
    const n = owners.length;
    const values =
      algorithm === 'context-shapley-1'
        ? shapleyByOrders(n, (coalition) => q(worth[coalition]))
        : owners.map((_, i) =>
            times(q(1, 2), q(worth[2 + i] - worth[0] + worth[1] - worth[2 + n + i])),
          );
    const gains = values.map(above0);
    if (isMore(sum(gains), noise)) {
      const parts = gains.flatMap((gain, i) =>
        split(owners[i].records[0].record, over(gain, sum(gains))),
      );
      return { c: q(channels.confidencePpm.context, PPM_ONE), parts };
    }
  }
  if (role === 'adapter' && scores?.influence && channels.confidencePpm.influence[0].ppm > 0) {
    const { groups } = scores.influence;
    const all = sum(groups.map(({ score }) => above0(q(score))));
    if (isMore(all, noise)) {
      const parts = groups.flatMap(({ score, records, rest }) => {
        const inGroup = records.reduce((total, one) => total + one.score, rest);
        return records.flatMap((one) =>
          split(one.record, times(over(above0(q(score)), all), q(one.score, inGroup))),
        );
      });
      return { c: q(channels.confidencePpm.influence[0].ppm, PPM_ONE), parts };
    }
  }
  const { spans, information } = evidenceOfPart(of, role);
  if (information.total === 0) return { c: q(0), parts: [] };
  return {
    c: q(trace.confidencePpm, PPM_ONE),
    parts: spans.flatMap((span) =>
      span.records.flatMap(({ record }) =>
        split(record, q(span.information[0], information.total)),
      ),
    ),
  };
}

/** The largest difference to the exact share, in 2^-64: each rounding leaves less than one behind. */
const ROUNDINGS = 60n;

function expectNear(shares: Shares, exact: ReadonlyMap<string, Q>) {
  const found = new Map(shares.map(({ to, weight }) => [to, weight]));
  for (const to of new Set([...found.keys(), ...exact.keys()])) {
    const { n, d } = times(exact.get(to) ?? q(0), q(WEIGHT_ONE));
    const difference = (found.get(to) ?? 0n) - n / d;
    expect([to, difference >= -ROUNDINGS && difference <= ROUNDINGS]).toEqual([to, true]);
  }
}

describe('shares by channels', () => {
  test('sum to exactly 2^64, whatever was measured', () => {
    fc.assert(
      fc.property(attributable, (of) => {
        expect(faultOfShares(shareByChannels(of))).toBeUndefined();
        const weights = partsOf(of).map(({ weight }) => weight);
        expect(weights.reduce((a, b) => a + b, 0n)).toBe(WEIGHT_ONE);
      }),
      { numRuns: 300 },
    );
  });

  test('are what the rules say in exact fractions, but for the roundings', () => {
    fc.assert(
      fc.property(attributable, (of) => {
        const whole = of.channels && { ...of.channels.draw, ppm: PPM_ONE };
        const channels = of.channels && whole && { ...of.channels, draw: whole };
        expectNear(shareByChannels({ ...of, channels }), slowShares(of, true));
      }),
      { numRuns: 300 },
    );
  });

  test('do not hang on the order in which facts are told', () => {
    fc.assert(
      fc.property(attributable, (of) => {
        const turned = {
          ...of,
          snapshots: of.snapshots.toReversed(),
          retrieved: of.retrieved.toReversed(),
        };
        expect(shareByChannels(turned)).toEqual(shareByChannels(of));
      }),
    );
  });

  test('a score that is not drawn changes nothing', () => {
    fc.assert(
      fc.property(attributable, (of) => {
        const channels = of.channels && { ...of.channels, scores: null };
        expect(shareByChannels({ ...of, channels })).toEqual(
          shareByChannels({ ...of, channels: undefined }),
        );
      }),
    );
  });
});

const plain = (facts: Partial<Attributable>): Attributable => ({
  policy: defaultPolicy,
  snapshots: snapshotRoles.map((role) => ({
    snapshot: snapshotOf[role],
    role,
    pool: poolOf(role),
  })),
  retrieved: [{ record: record(1) }, { record: record(2) }],
  evidence: traced([], 100),
  channels: undefined,
  ...{ measure, ownersOf },
  ...facts,
});

const scored = (members: object): ChannelEvidence => ({
  version: 'channels-1',
  draw: { passes: 10, adapters: 0, ppm: PPM_ONE, checkpoint: null },
  scores: {
    tokens: 10,
    game: gameOf([...snapshotRoles], [-9000000, -8000000, -7000000, -5000000, -4000000]),
    ...{ context: null, influence: null },
    ...members,
  },
});

describe('the game', () => {
  test('worked by hand: what comes first and what comes second, halved', () => {
    const { scores } = scored({});
    // Adapter: 1 alone, 1 after context. Context: 3 alone, 3 after adapter. Base over unigram: 1.
    expect(scores && gainsOf(scores)).toEqual({
      adapter: 2000000n,
      context: 6000000n,
      base: 2000000n,
    });
  });

  test('gives a part that made the answer less likely nothing of what was measured', () => {
    const game = gameOf([...snapshotRoles], [-9000000, -8000000, -8500000, -5000000, -5500000]);
    const channels = scored({ game });
    const policy = {
      ...defaultPolicy,
      channels: {
        ...defaultPolicy.channels,
        confidencePpm: { game: PPM_ONE, context: 0, influence: [] },
      },
    };
    const [adapter, base, context] = partsOf(plain({ channels, policy }));
    expect([adapter.weight, base.weight, context.weight]).toEqual([
      0n,
      WEIGHT_ONE / 4n,
      (3n * WEIGHT_ONE) / 4n,
    ]);
  });

  test('below the noise the prior is paid, though passages were found', () => {
    const game = gameOf([...snapshotRoles], [-8100000, -8000000, -8000000, -8000000, -8000000]);
    const evidence = traced([{ record: 1, role: 'base', information: 90 }], 100);
    const of = plain({ evidence, channels: scored({ game }) });
    expect(partsOf(of).map(({ channel }) => channel)).toEqual(['prior', 'prior', 'prior']);
    expect(shareByChannels(of).map(({ to }) => to)).toEqual(snapshotRoles.map(poolOf));
  });

  test('without an engine that scores, parts weigh what the policy says', () => {
    const policy = { ...defaultPolicy, prior: { adapterPpm: 100, basePpm: 300, contextPpm: 0 } };
    expect(partsOf(plain({ policy })).map(({ weight }) => weight)).toEqual([
      WEIGHT_ONE / 4n,
      (3n * WEIGHT_ONE) / 4n,
      0n,
    ]);
  });
});

describe('a part', () => {
  test('is divided by the trace of its own snapshots alone', () => {
    const evidence = traced(
      [
        { record: 4, role: 'adapter', information: 40 },
        { record: 5, role: 'base', information: 20 },
        { record: 1, role: 'base', information: 10 },
      ],
      100,
    );
    const inPart = (role: SnapshotRole) =>
      evidenceOfPart(plain({ evidence }), role).spans.flatMap(({ records }) =>
        records.map((one) => one.record),
      );
    expect(inPart('adapter')).toEqual([record(4)]);
    expect(inPart('base')).toEqual([record(5), record(1)]);
    expect(inPart('context')).toEqual([record(1)]); // it stood in the prompt, whoever else holds it
    const shares = new Map(shareByChannels(plain({ evidence })).map((one) => [one.to, one.weight]));
    const third = WEIGHT_ONE / 3n;
    const trusted = (of: bigint, words: bigint) =>
      (of * BigInt(defaultPolicy.trace.confidencePpm) * words) / (100n * BigInt(PPM_ONE));
    expect(shares.get('pty_4')).toBe(trusted(third, 40n));
    expect(shares.get('pty_5')).toBe(trusted(third, 20n));
    expect(shares.get('pty_1')).toBe(trusted(third, 10n) + trusted(third + 1n, 10n));
  });

  test('is refused where its evidence gives away more than it covers', () => {
    const greedy = {
      total: 10n,
      covered: 10n,
      scale: 1n,
      parties: [{ party: 'a', information: 11n }],
    };
    const of = { ...plain({}), measure: () => greedy };
    expect(() => shareByChannels(of)).toThrow('more information');
  });

  test('of context is divided by what each owner was worth to the answer', () => {
    const context: ContextEvidence = {
      ...{ algorithm: 'context-shapley-1', kind: 'contributive' },
      owners: [
        { records: [naming(record(1), 'context')] },
        { records: [naming(record(2), 'context')] },
      ],
      scores: [-7000000, -4000000, -6000000, -4000000],
    };
    const [, , part] = partsOf(plain({ channels: scored({ context }) }));
    expect(part).toMatchObject({ channel: 'context', confidencePpm: 500_000 });
    const shares = new Map(
      shareByChannels(plain({ channels: scored({ context }) })).map((one) => [one.to, one.weight]),
    );
    // 2.5 of 3 and 0.5 of 3, of half of the part.
    expect(shares.get('pty_1')).toBe((part.weight * 25n) / 60n);
    expect(shares.get('pty_2')).toBe((part.weight * 5n) / 60n);
  });

  test('of the adapter is divided by influence where that is trusted at all, else by trace', () => {
    const influence = {
      ...{ algorithm: 'fake-1', kind: 'contributive', adapters: 8 },
      groups: [
        { score: 3000000, rest: 1, records: [{ ...naming(record(3), 'adapter'), score: 3 }] },
        { score: -5000000, rest: 0, records: [] },
      ],
    };
    const channels = scored({ influence }); // of fewer adapters than the policy asks for
    const evidence = traced([{ record: 4, role: 'adapter', information: 40 }], 100);
    const trusting = {
      ...defaultPolicy,
      channels: {
        ...defaultPolicy.channels,
        confidencePpm: { game: 0, context: 0, influence: [{ adapters: 8, ppm: 800_000 }] },
      },
    };
    const [untrusted] = partsOf(plain({ channels, evidence }));
    expect(untrusted.channel).toBe('trace');
    const of = plain({ channels, evidence, policy: trusting });
    expect(partsOf(of)[0].channel).toBe('influence');
    const shares = new Map(shareByChannels(of).map((one) => [one.to, one.weight]));
    expect(shares.get('pty_3')).toBe(((WEIGHT_ONE / 3n) * 6n) / 10n); // 8/10 of 3/4: a quarter was not named
    expect(shares.has('pty_4')).toBe(false);
  });

  test('of context with more than five owners is divided by each owner alone and by the others without him', () => {
    const owners = Array.from({ length: 6 }, () => ({}));
    const alone = [5, 0, 0, 0, 0, 1];
    const without = [10, 10, 10, 10, 10, 7];
    const { values, scale } = ownerValues({
      algorithm: 'context-ends-1',
      owners,
      scores: [0, 10, ...alone, ...without],
    });
    expect([values, scale]).toEqual([[5n, 0n, 0n, 0n, 0n, 4n], 2n]);
  });
});

test('Shapley values are the means over all orders, and share out all that there is', () => {
  const worths = fc
    .integer({ min: 1, max: 5 })
    .chain((n) => fc.array(score, { minLength: 2 ** n, maxLength: 2 ** n }));
  fc.assert(
    fc.property(worths, (worth) => {
      const { values, scale } = shapley(worth.map(BigInt));
      const slow = shapleyByOrders(values.length, (coalition) => q(worth[coalition]));
      for (const [i, value] of values.entries()) expect(value * slow[i].d).toBe(slow[i].n * scale);
      const all = values.reduce((a, b) => a + b, 0n);
      expect(all).toBe(BigInt(worth[worth.length - 1] - worth[0]) * scale);
    }),
  );
});

describe('weighting by 1/p', () => {
  const vector = fc
    .array(fc.nat(1000), { minLength: 3, maxLength: 3 })
    .filter((parts) => parts.some((part) => part > 0))
    .map((parts): Shares => {
      const all = parts.reduce((a, b) => a + b, 0);
      const floors = parts.map((part) => (BigInt(part) * WEIGHT_ONE) / BigInt(all));
      const left = WEIGHT_ONE - floors.reduce((a, b) => a + b, 0n);
      return floors
        .map((weight, i) => ({ to: `pty_${i}`, weight: i === 0 ? weight + left : weight }))
        .filter(({ weight }) => weight > 0n);
    });

  test('sums to 2^64, leaves nobody below zero, and never turns a change round', () => {
    fc.assert(
      fc.property(
        vector,
        vector,
        fc.integer({ min: 1, max: PPM_ONE }),
        (provisional, measured, p) => {
          const weighted = weightBySampling({ provisional, measured, ppm: p });
          expect(faultOfShares(weighted)).toBeUndefined();
          const of = (shares: Shares, to: string) =>
            shares.find((one) => one.to === to)?.weight ?? 0n;
          for (const to of ['pty_0', 'pty_1', 'pty_2']) {
            const [from, towards, now] = [provisional, measured, weighted].map((one) =>
              of(one, to),
            );
            const sign = towards > from ? 1n : -1n;
            expect((now - from) * sign >= (towards - from) * sign - 3n).toBe(true);
          }
        },
      ),
    );
  });

  test('in the mean over draws pays what measuring all would pay, where nobody would fall below zero', () => {
    const provisional: Shares = [
      { to: 'pty_a', weight: WEIGHT_ONE / 2n },
      { to: 'pty_b', weight: WEIGHT_ONE / 2n },
    ];
    const measured: Shares = [
      { to: 'pty_a', weight: (WEIGHT_ONE * 3n) / 4n },
      { to: 'pty_b', weight: WEIGHT_ONE / 4n },
    ];
    const weighted = weightBySampling({ provisional, measured, ppm: 500_000 });
    expect(weighted).toEqual([{ to: 'pty_a', weight: WEIGHT_ONE }]);
    const capped = weightBySampling({ provisional, measured, ppm: 100_000 });
    expect(capped).toEqual(weighted);
  });
});
