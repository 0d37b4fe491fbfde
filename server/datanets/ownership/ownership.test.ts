import { COMMONS, type EntitlementVector, entitlementOf } from '@openledger/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createOwnedInformation, entitlementByContent } from './owned-information.ts';
import {
  type AcceptedRecord,
  createOwnership,
  defaultOwnershipRules,
  type OwnedRun,
  type OwnershipRules,
  UNPAID,
} from './ownership.ts';

const rules: OwnershipRules = {
  ...{ windowTokens: 4, commonsParties: 3 },
  ...{ commonsTokens: 10, crowdParties: 5 },
};
const K = rules.windowTokens;

type Draft = { readonly by: string; readonly tokens: readonly number[] };
const ownedBy = (by: string): EntitlementVector =>
  by === 'withdrawn' ? UNPAID : entitlementOf([{ party: by, weight: 1n }]);
const record = ({ by, tokens }: Draft): AcceptedRecord => ({
  tokens: Int32Array.from(tokens),
  lineEnds: tokens.length > 0 ? [tokens.length] : [],
  claims: [{ tokens: tokens.length, owners: ownedBy(by) }],
});

function runsOf(
  groups: readonly (readonly Draft[])[],
  use = rules,
): readonly (readonly OwnedRun[])[] {
  const ownership = createOwnership(use);
  for (const group of groups) ownership.accept(group.map(record));
  return groups.flat().map((_, i) => ownership.runsOf(i));
}

/** A token's information hangs on the token alone, so that amounts before and after an attack can be compared. */
const worth = (token: number) => 1000 + ((token * 7919) % 997);

/** Owned information by party, in 2^-64 of a unit. What is shared is rounded by less than a unit a record and party. */
function ownedInformation(groups: readonly (readonly Draft[])[]): ReadonlyMap<string, bigint> {
  const count = createOwnedInformation();
  const sums = new Map<string, bigint>();
  for (const [i, runs] of runsOf(groups).entries()) {
    const { information, owners } = count(runs, groups.flat()[i].tokens.map(worth));
    for (const { party, weight } of owners)
      sums.set(party, (sums.get(party) ?? 0n) + information * weight);
  }
  return sums;
}
const ownedOf = (sums: ReadonlyMap<string, bigint>, parties: readonly string[]) =>
  parties.reduce((sum, party) => sum + (sums.get(party) ?? 0n), 0n);

// --- The rule, slowly ------------------------------------------------------------------------------------------------

type Place = { readonly group: number; readonly by: string; origin: number };

/** Looks for every window everywhere, and joins what lies on each other until nothing changes. */
function originsByRule(groups: readonly (readonly Draft[])[]) {
  const places: Place[] = [];
  const windows: { readonly at: number; readonly key: string; readonly group: number }[] = [];
  for (const [group, drafts] of groups.entries()) {
    const base = places.length;
    for (const { by, tokens } of drafts) {
      const start = places.length;
      for (let i = 0; i < tokens.length; i++) places.push({ group, by, origin: start + i });
      const length = Math.min(K, tokens.length);
      for (let i = 0; length > 0 && i + length <= tokens.length; i++)
        windows.push({ at: start + i, key: tokens.slice(i, i + length).join(), group });
    }
    const links: [number, number][] = [];
    for (const { at, key } of windows.filter((one) => one.group === group)) {
      const first = windows.find((one) => one.key === key)!;
      for (let i = 0; i < key.split(',').length; i++) links.push([at + i, first.at + i]);
    }
    const classOf = new Map<number, Set<number>>();
    for (let at = base; at < places.length; at++) classOf.set(at, new Set([at]));
    const old = new Map<number, number>(); // an origin from before the group
    for (const [a, b] of links.filter(([, b]) => b >= base)) {
      const joined = new Set([...classOf.get(a)!, ...classOf.get(b)!]);
      for (const each of joined) classOf.set(each, joined);
    }
    for (const [a, b] of links.filter(([, b]) => b < base)) {
      for (const each of classOf.get(a)!)
        old.set(each, Math.min(old.get(each) ?? Number.POSITIVE_INFINITY, places[b].origin));
    }
    for (let at = base; at < places.length; at++)
      places[at].origin = old.get(at) ?? Math.min(...classOf.get(at)!);
  }
  const ownersOf = (origin: number) => [
    ...new Set(
      places
        .filter((one) => one.origin === origin && one.group === places[origin].group)
        .map(({ by }) => by),
    ),
  ];
  return places.map(({ origin }) => ({ origin, owners: ownersOf(origin).sort() }));
}

const expanded = (runs: readonly OwnedRun[]) =>
  runs.flatMap(({ tokens, origin, owners }) =>
    Array.from({ length: tokens }, (_, i) => ({
      origin: origin + i,
      owners: owners.map(({ party }) => party).sort(),
    })),
  );

// --- Arbitrary corpora: few tokens and shared passages, so that nearly everything stands somewhere else as well -------

const names = ['ann', 'ben', 'cat', 'dan'];
const tokens = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 16 });
const draft: fc.Arbitrary<Draft> = fc.record({ by: fc.constantFrom(...names), tokens });
const corpus = fc.array(fc.array(draft, { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 5,
});

/** Passages by number, each of tokens that stand nowhere else, two to four windows long. */
const passage = (n: number) => Array.from({ length: 2 * K + (n % (2 * K)) }, (_, i) => 100 * n + i);
const passages = (list: readonly number[]) => list.flatMap(passage);
const text: fc.Arbitrary<readonly number[]> = fc.array(fc.integer({ min: 1, max: 9 }), {
  minLength: 1,
  maxLength: 4,
});
const world = fc.array(fc.tuple(fc.constantFrom(...names), text), { minLength: 1, maxLength: 6 });
const asGroups = (list: readonly (readonly [string, readonly number[]])[]) =>
  list.map(([by, of]) => [{ by, tokens: passages(of) }]);

test('agrees with the rule applied slowly, for few tokens that repeat everywhere', () => {
  fc.assert(
    fc.property(corpus, (groups) => {
      expect(runsOf(groups).flatMap(expanded)).toEqual(originsByRule(groups));
    }),
    { numRuns: 400 },
  );
});

test('order inside a group decides nothing: every token has the same owners', () => {
  const before = fc.array(draft, { maxLength: 3 });
  fc.assert(
    fc.property(before, fc.array(draft, { minLength: 1, maxLength: 5 }), (known, group) => {
      const owners = (of: readonly Draft[]) =>
        runsOf([...known.map((one) => [one]), of])
          .slice(known.length)
          .map((runs) => expanded(runs).map((one) => one.owners));
      expect(owners(group.toReversed())).toEqual(owners(group).toReversed());
    }),
    { numRuns: 400 },
  );
});

test('records that come later change nothing of what was resolved', () => {
  fc.assert(
    fc.property(corpus, corpus, (first, later) => {
      const before = runsOf(first);
      expect(runsOf([...first, ...later]).slice(0, before.length)).toEqual(before);
    }),
  );
});

test('duplicates, whoever brings them and when, add nothing to anybody', () => {
  const copies = fc.array(fc.tuple(fc.nat(), fc.constantFrom('thief', ...names), fc.nat()), {
    maxLength: 5,
  });
  fc.assert(
    fc.property(corpus, copies, (groups, list) => {
      const after = [...groups];
      for (const [which, by, when] of list) {
        const first = which % groups.length; // a copy of one of the first of a group comes at any time after it
        const at = after.indexOf(groups[first]) + 1;
        const copy = { by, tokens: groups[first][0].tokens };
        after.splice(at + (when % (after.length - at + 1)), 0, [copy]);
      }
      expect(ownedInformation(after)).toEqual(ownedInformation(groups));
    }),
  );
});
const total = (sums: ReadonlyMap<string, bigint>) => ownedOf(sums, [...sums.keys()]);

test('splitting an identity leaves what the coalition owns exactly as it was', () => {
  fc.assert(
    fc.property(
      world,
      fc.array(fc.constantFrom('ann 1', 'ann 2', 'ann 3'), { minLength: 6, maxLength: 6 }),
      (list, fronts) => {
        const split = list.map(([by, of], i) => [by === 'ann' ? fronts[i] : by, of] as const);
        const [before, now] = [ownedInformation(asGroups(list)), ownedInformation(asGroups(split))];
        expect(ownedOf(now, ['ann 1', 'ann 2', 'ann 3'])).toBe(ownedOf(before, ['ann']));
        for (const other of ['ben', 'cat', 'dan']) expect(now.get(other)).toBe(before.get(other));
      },
    ),
  );
});

test('splitting a record between its passages leaves what everybody owns exactly as it was', () => {
  fc.assert(
    fc.property(
      world,
      fc.array(fc.constantFrom('ann', 'ben', 'cat', 'dan', 'front'), {
        minLength: 4,
        maxLength: 4,
      }),
      (list, fronts) => {
        const split = list.flatMap(([by, of]) =>
          by === 'ann'
            ? of.map((n, i) => [i % 2 ? 'ann' : `ann ${fronts[i]}`, [n]] as const)
            : [[by, of] as const],
        );
        const [before, now] = [ownedInformation(asGroups(list)), ownedInformation(asGroups(split))];
        const coalition = [...now.keys()].filter((party) => party.startsWith('ann'));
        expect(ownedOf(now, coalition)).toBe(ownedOf(before, ['ann']));
        for (const other of ['ben', 'cat', 'dan']) expect(now.get(other)).toBe(before.get(other));
      },
    ),
  );
});

test('shells own exactly their own passage, and padding with known text adds nothing', () => {
  const shell = fc.tuple(
    fc.constantFrom('ann', 'front'),
    text,
    fc.integer({ min: 20, max: 29 }),
    text,
  );
  fc.assert(
    fc.property(world, fc.array(shell, { maxLength: 4 }), (list, shells) => {
      const known = [...new Set(list.flatMap(([, of]) => of))];
      const from = (of: readonly number[]) => of.map((n) => known[n % known.length]);
      const padded = shells.map(
        ([by, before, own, after]) => [by, [...from(before), own, ...from(after)]] as const,
      );
      const bare = shells.map(([by, , own]) => [by, [own]] as const);
      expect(ownedInformation(asGroups([...list, ...padded]))).toEqual(
        ownedInformation(asGroups([...list, ...bare])),
      );
    }),
  );
});

test('a shell is entitled to its own part alone; the rest stays with those it was taken from', () => {
  const groups = asGroups([
    ['ann', [1, 2]],
    ['ben', [3]],
    ['thief', [1, 3, 4, 2]],
  ]);
  const all = passages([1, 3, 4, 2]);
  const vector = entitlementByContent(runsOf(groups)[2], all.map(worth));
  const sum = (of: readonly number[]) =>
    passages(of)
      .map(worth)
      .reduce((a, b) => a + b, 0);
  expect(vector).toEqual(
    entitlementOf([
      { party: 'ann', weight: BigInt(sum([1, 2])) },
      { party: 'ben', weight: BigInt(sum([3])) },
      { party: 'thief', weight: BigInt(sum([4])) },
    ]),
  );
});

test('two copies inside one import share equally, and a third of the same owner changes nothing', () => {
  const [ann, ben] = [
    { by: 'ann', tokens: passages([1]) },
    { by: 'ben', tokens: passages([1]) },
  ];
  for (const group of [
    [ann, ben],
    [ben, ann],
    [ann, ben, ann],
  ]) {
    const owned = ownedInformation([group]);
    expect(owned.get('ann')).toBe(owned.get('ben'));
    expect(total(owned)).toBe(total(ownedInformation([[ann]])));
  }
});

test("a withdrawn owner's text never becomes a copier's", () => {
  fc.assert(
    fc.property(world, (list) => {
      const withdrawn = list.map(([by, of]) => [by === 'ann' ? 'withdrawn' : by, of] as const);
      const [before, now] = [
        ownedInformation(asGroups(list)),
        ownedInformation(asGroups(withdrawn)),
      ];
      for (const other of ['ben', 'cat', 'dan']) expect(now.get(other)).toBe(before.get(other));
      expect(now.get('ann') ?? now.get(COMMONS)).toBeUndefined();
    }),
  );
});

test('text that many distinct parties bring is common from the next seal on, if short and among new text', () => {
  const common = [90, 91, 92, 93, 94]; // five tokens, two windows
  const withOwn = (by: string, n: number, own = passage(n)): Draft => ({
    by,
    tokens: [...own, ...common],
  });
  const partiesOf = (groups: readonly (readonly Draft[])[], close: boolean, use = rules) => {
    const ownership = createOwnership(use);
    for (const group of groups) ownership.accept(group.map(record));
    if (close) ownership.closeCommons();
    return expanded(ownership.runsOf(0))
      .slice(-common.length)
      .map(({ owners }) => owners.join());
  };
  const brought = [[withOwn('ann', 1)], [withOwn('ben', 2)], [withOwn('cat', 3)]];
  const anns = common.map(() => 'ann');
  const nobodys = common.map(() => COMMONS);
  expect(partiesOf(brought, false)).toEqual(anns);
  expect(partiesOf(brought, true)).toEqual(nobodys);
  expect(partiesOf(brought.slice(0, 2), true)).toEqual(anns);
  expect(partiesOf([...brought.slice(0, 2), [withOwn('ben', 3)]], true)).toEqual(anns);
  expect(partiesOf([...brought.slice(0, 2), [withOwn('cat', 1)]], true)).toEqual(anns); // mostly copied
  expect(partiesOf(brought, true, { ...rules, commonsTokens: 4 })).toEqual(anns); // too long
});

test('a line too short for a window can be common as well', () => {
  const line = [90, 91];
  const ownership = createOwnership(rules);
  for (const [n, by] of names.entries()) {
    const own = passage(n + 1);
    ownership.accept([
      {
        ...record({ by, tokens: [...own, ...line, ...passage(n + 11)] }),
        lineEnds: [own.length, own.length + 2, own.length + 2 + passage(n + 11).length],
      },
    ]);
  }
  ownership.closeCommons();
  const at = passage(1).length;
  expect(
    expanded(ownership.runsOf(0))
      .slice(at - 1, at + 3)
      .map(({ owners }) => owners[0]),
  ).toEqual(['ann', COMMONS, COMMONS, 'ann']);
});

test('refuses claims that are not to all of the tokens', () => {
  const ownership = createOwnership();
  expect(() =>
    ownership.accept([{ ...record({ by: 'ann', tokens: [1, 2] }), claims: [] }]),
  ).toThrow('not to all tokens');
  expect(defaultOwnershipRules.windowTokens).toBe(8);
});
