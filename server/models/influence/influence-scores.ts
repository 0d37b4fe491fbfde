/** From what an ensemble and the gradients say of one output to scores in whole numbers. */
import { scoreOf } from '@openledger/protocol';
import type { Masks } from '../../compute/influence/metrics.ts';
import { ridgeScores, scoresInsideGroups } from '../../compute/influence/subset-ridge.ts';

/** In 2^-20 nats: how much a group, and each of its records, raised the output's log-likelihood. */
export type InfluenceScores = {
  readonly method: string;
  readonly adapters: number;
  readonly groups: readonly {
    readonly records: readonly { readonly hash: string; readonly score: number }[];
    readonly score: number;
  }[];
};

/** Names the algorithm: other numbers come with another name. */
const METHOD = 'subset-ridge-1';
/** For answers of which half is the noise of single trainings (decision 22). */
const STRENGTH = 0.6;

/**
 * Ridge between groups, the gradients' scores inside them. Each record's score is rounded once; a group's is their sum.
 *
 * @param logLikelihoods of the output under each adapter, in nats
 * @param inside scores of the groups' records, in the order of `groups`, in any unit
 */
export function influenceScores({
  groups,
  masks,
  sizes,
  logLikelihoods,
  inside,
}: {
  readonly groups: readonly (readonly string[])[];
  readonly masks: Masks;
  /** Tokens of each record, in the order of `groups`. */
  readonly sizes: ArrayLike<number>;
  readonly logLikelihoods: Float64Array;
  readonly inside: Float64Array;
}): InfluenceScores {
  const byGroup = ridgeScores(masks, [logLikelihoods], { strength: STRENGTH });
  const groupOf = groups.flatMap((hashes, group) => hashes.map(() => group));
  const [scores] = scoresInsideGroups(byGroup, [inside], groupOf, sizes);
  let at = 0;
  return {
    method: METHOD,
    adapters: masks.length,
    groups: groups.map((hashes) => {
      const records = hashes.map((hash) => ({
        hash,
        score: scoreOf(scores[at++]),
      }));
      return { records, score: records.reduce((sum, { score }) => sum + score, 0) };
    }),
  };
}
