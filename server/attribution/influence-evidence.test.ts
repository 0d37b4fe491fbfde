import { type Id, InfluenceEvidence, MOST_INFLUENCE_RECORDS } from '@openledger/protocol';
import { expect, test } from 'vitest';
import { influenceEvidence } from './influence-evidence.ts';

const hash = (n: number) => n.toString(16).padStart(64, '0');
const snapshot: Id<'snapshot'> = `snp_${'1'.repeat(32)}`;
const scoresOf = (...groups: readonly (readonly number[])[]) => ({
  ...{ method: 'subset-ridge-1', adapters: 16 },
  groups: groups.map((scores, g) => ({
    score: scores.reduce((sum, one) => sum + one, 0),
    records: scores.map((score, i) => ({ hash: hash(100 * g + i), score })),
  })),
});

test('names what raised the answer, with the group it belongs to, and nothing of groups that lowered it', () => {
  const evidence = influenceEvidence(scoresOf([30, -5, 10], [-9, 2]), () => snapshot);
  expect(InfluenceEvidence.parse(evidence).groups).toEqual([
    {
      ...{ score: 35, rest: 0 },
      records: [
        { record: hash(0), snapshot, score: 30 },
        { record: hash(2), snapshot, score: 10 },
      ],
    },
    { score: -7, rest: 2, records: [] },
  ]);
});

test('a withdrawn record is not named, and nobody has its part', () => {
  const evidence = influenceEvidence(scoresOf([30, 10]), (record) =>
    record === hash(0) ? undefined : snapshot,
  );
  expect(evidence.groups).toEqual([
    { score: 40, rest: 30, records: [{ record: hash(1), snapshot, score: 10 }] },
  ]);
});

test('of many records the largest parts are named', () => {
  const many = Array.from({ length: 100 }, (_, i) => i + 1);
  const [group] = influenceEvidence(scoresOf(many), () => snapshot).groups;
  expect(group.records).toHaveLength(MOST_INFLUENCE_RECORDS);
  expect(Math.min(...group.records.map(({ score }) => score))).toBe(37);
  expect(group.rest).toBe((36 * 37) / 2);
});
