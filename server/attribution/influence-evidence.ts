/** Writes influence down as evidence: which records are named, and what those that are not come to. */
import { type Id, type InfluenceEvidence, MOST_INFLUENCE_RECORDS } from '@openledger/protocol';
import type { InfluenceScores } from '../models/index.ts';

/**
 * The records with the largest parts are named, each with its proof in the bundle; those that are not, and those that may not be
 * credited any more, keep their parts, which the prior has.
 *
 * @param snapshotOf the snapshot through which a record takes part; undefined for one that is withdrawn
 */
export function influenceEvidence(
  { method, adapters, groups }: InfluenceScores,
  snapshotOf: (recordHash: string) => Id<'snapshot'> | undefined,
): InfluenceEvidence {
  const candidates = groups.flatMap(({ score, records }, group) => {
    const raising = records.filter((record) => record.score > 0);
    const inGroup = raising.reduce((sum, record) => sum + record.score, 0);
    return raising.flatMap(({ hash, score: own }) => {
      const snapshot = snapshotOf(hash);
      const part = Math.max(0, score) * (own / inGroup);
      return snapshot && part > 0 ? [{ group, record: hash, snapshot, score: own, part }] : [];
    });
  });
  const named = candidates
    .sort((a, b) => b.part - a.part || (a.record < b.record ? -1 : 1))
    .slice(0, MOST_INFLUENCE_RECORDS);
  return {
    ...{ algorithm: method, kind: 'contributive', adapters },
    groups: groups.map(({ score, records }, group) => {
      const own = named.filter((one) => one.group === group);
      const raised = records.reduce((sum, record) => sum + Math.max(0, record.score), 0);
      return {
        score,
        records: own
          .map(({ record, snapshot, score }) => ({ record, snapshot, score }))
          .sort((a, b) => (a.record < b.record ? -1 : 1)),
        rest: raised - own.reduce((sum, one) => sum + one.score, 0),
      };
    }),
  };
}
