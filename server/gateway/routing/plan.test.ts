import type { NamedTerms } from '@openledger/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Model } from '../../models/index.ts';
import { UNKNOWN } from './health.ts';
import { type Candidate, DEFAULT_ROUTE, planAttempts, type Route } from './plan.ts';

const NOW = 1_000_000;

type Named = Candidate & { readonly openUntil: number; readonly firstWordMs: number | undefined };

const named = (operator: string, facts: Partial<Named> = {}): Named => ({
  ...{ model: {} as Model, operator, operatorModel: 'm', weight: 100, tier: 0, stakeUnits: 0n },
  ...{ pricing: { promptUnits: 1n, completionUnits: 1n }, openUntil: 0, firstWordMs: undefined },
  terms: { hash: operator } as NamedTerms,
  ...facts,
});

const planOf = (
  candidates: readonly Named[],
  route: Partial<Route> = {},
  random: () => number = Math.random,
) =>
  planAttempts(candidates, {
    ...{ route: { ...DEFAULT_ROUTE, ...route }, nowMs: NOW, random },
    standingOf: ({ openUntil, firstWordMs }) => ({
      ...{ health: { ...UNKNOWN, openUntil, firstWordMs }, isLoaded: undefined },
    }),
  });

const orderOf = (...[candidates, route, random]: Parameters<typeof planOf>) =>
  planOf(candidates, route, random).map(({ candidate }) => candidate.operator);

const candidate = fc.record({
  operator: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  tier: fc.nat(3),
  weight: fc.nat(1000),
  openUntil: fc.constantFrom(0, NOW - 1, NOW + 1, NOW + 5000),
  firstWordMs: fc.option(fc.nat(5000), { nil: undefined }),
});

test('every plan keeps to the wish, to the tiers and away from open circuits, and asks nobody twice before all were asked', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(candidate, { selector: ({ operator }) => operator, maxLength: 5 }),
      fc.record({
        by: fc.constantFrom('weight' as const, 'price' as const, 'latency' as const),
        attempts: fc.integer({ min: 1, max: 5 }),
        without: fc.uniqueArray(fc.constantFrom<string>('a', 'b'), { maxLength: 2 }),
        only: fc.option(fc.constant<string[]>(['a', 'b', 'c']), { nil: undefined }),
      }),
      (facts, route) => {
        const candidates = facts.map(({ operator, ...rest }) => named(operator, rest));
        const wished = candidates.filter(
          ({ operator }) =>
            !route.without.includes(operator) && (route.only?.includes(operator) ?? true),
        );
        const closed = wished.filter(({ openUntil }) => openUntil <= NOW);
        const allowed = closed.length > 0 ? closed : wished;
        const plan = planOf(candidates, route);
        expect(plan).toHaveLength(wished.length === 0 ? 0 : route.attempts);
        for (const { candidate: one } of plan) expect(allowed).toContain(one);
        const first = plan.slice(0, allowed.length);
        expect(new Set(first.map(({ candidate: one }) => one)).size).toBe(first.length);
        expect(first.every(({ pauseMs }) => pauseMs === 0)).toBe(true);
        expect(plan.slice(allowed.length).every(({ pauseMs }) => pauseMs > 0)).toBe(true);
        const order = first.map(({ candidate: one }) =>
          closed.length > 0 ? one.tier : one.openUntil,
        );
        expect(order).toEqual([...order].sort((a, b) => a - b));
      },
    ),
  );
});

test('by price the cheapest, by latency the quickest and whoever is new, by stake the one with most at stake', () => {
  const [dear, cheap] = [5n, 1n].map((units) => ({ promptUnits: units, completionUnits: units }));
  const a = named('a', { pricing: dear, firstWordMs: 10, stakeUnits: 7n });
  const b = named('b', { pricing: cheap, firstWordMs: 900 });
  const c = named('c', { pricing: { promptUnits: 2n, completionUnits: 2n } });
  expect(orderOf([a, b, c], { by: 'price' })).toEqual(['b', 'c', 'a']);
  expect(orderOf([b, a, c], { by: 'latency' })).toEqual(['c', 'a', 'b']);
  expect(orderOf([b, c, a], { by: 'stake' })[0]).toBe('a');
});

test('by weight each is first as often as its weight says, and one without weight only as the last', () => {
  let state = 1;
  const random = () => {
    state = (state * 48271) % 2147483647; // Park and Miller's generator: the same run each time
    return state / 2147483647;
  };
  const candidates = [
    named('a', { weight: 300 }),
    named('b', { weight: 100 }),
    named('c', { weight: 0 }),
  ];
  const firsts = Array.from({ length: 4000 }, () => orderOf(candidates, {}, random));
  const isFirst = firsts.filter(([one]) => one === 'a').length / firsts.length;
  expect(isFirst).toBeGreaterThan(0.72);
  expect(isFirst).toBeLessThan(0.78);
  expect(firsts.every((order) => order[2] === 'c')).toBe(true);
});
