import fc from 'fast-check';
import { expect, test } from 'vitest';
import { halfMasks } from '../../compute/influence/subset-ridge.ts';
import { influenceScores } from './influence-scores.ts';
import { type OwnedRecord, ownerGroups } from './owner-groups.ts';

const records = fc.uniqueArray(
  fc.record({
    hash: fc.stringMatching(/^[0-9a-f]{8}$/),
    owners: fc.integer({ min: 0, max: 50 }).map((owner) => `owner-${owner}`),
    characters: fc.integer({ min: 1, max: 900 }),
  }),
  { minLength: 1, maxLength: 120, selector: ({ hash }) => hash },
);

test('groups hold every record once, no owner twice, and do not depend on the order of arrival', () => {
  fc.assert(
    fc.property(records, (given: readonly OwnedRecord[]) => {
      const groups = ownerGroups(given);
      expect(groups.length).toBeLessThanOrEqual(32);
      expect(groups.flat().sort()).toEqual(given.map(({ hash }) => hash).sort());
      const groupsOf = new Map<string, Set<number>>();
      for (const { hash, owners } of given) {
        const found = groupsOf.get(owners) ?? new Set();
        groupsOf.set(owners, found.add(groups.findIndex((hashes) => hashes.includes(hash))));
      }
      for (const found of groupsOf.values()) expect(found.size).toBe(1);
      expect(ownerGroups(given.toReversed())).toEqual(groups);
    }),
  );
});

test('scores find the group that helped, and sum exactly to their groups', () => {
  const groups = [['a', 'b'], ['c'], ['d', 'e', 'f'], ['g']];
  const masks = halfMasks(4, { count: 16, seed: 3 });
  const logLikelihoods = Float64Array.from(masks, (mask) => -50 + 2 * mask[2] - mask[0]);
  const inside = Float64Array.of(1, 2, 0, 5, 1, 1, 0);
  const sizes = new Uint8Array(7).fill(9);
  const scores = influenceScores({ groups, masks, sizes, logLikelihoods, inside });
  const sums = scores.groups.map(({ score }) => score);
  expect(sums.indexOf(sums.reduce((most, one) => (one > most ? one : most)))).toBe(2);
  for (const { records: own, score } of scores.groups)
    expect(own.reduce((sum, one) => sum + one.score, 0)).toBe(score);
  expect(scores.groups[2].records[0].score).toBeGreaterThan(scores.groups[2].records[1].score);
  expect(influenceScores({ groups, masks, sizes, logLikelihoods, inside })).toEqual(scores);
});
