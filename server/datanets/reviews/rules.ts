/** How a datanet decides on submissions: how many must look, how many of them must agree, and how often they were right. */
import { PPM_ONE } from '@openledger/protocol';
import type { Reader, Tx } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';

export type ReviewRules = {
  /** Votes that decide. */
  readonly quorum: number;
  /** The part of them that must accept. */
  readonly thresholdPpm: number;
  /** Below it a reviewer has no vote. */
  readonly minimumReputationPpm: number;
};

/** One vote decides. Who begins with three failed honeypots has none any more. */
export const DEFAULT_RULES: ReviewRules = {
  quorum: 1,
  thresholdPpm: 500_001,
  minimumReputationPpm: 250_000,
};

export async function findRules(reader: Reader, datanetId: string): Promise<ReviewRules> {
  const [row] = await reader.query<{
    quorum: number;
    threshold_ppm: number;
    minimum_reputation_ppm: number;
  }>(sql`
    select quorum, threshold_ppm, minimum_reputation_ppm
    from datanets.review_rules
    where datanet_id = ${datanetId}`);
  if (!row) return DEFAULT_RULES;
  return {
    quorum: row.quorum,
    thresholdPpm: row.threshold_ppm,
    minimumReputationPpm: row.minimum_reputation_ppm,
  };
}

export async function setRules(
  tx: Tx,
  datanetId: string,
  { quorum, thresholdPpm, minimumReputationPpm }: ReviewRules,
): Promise<void> {
  await tx.query(sql`
    insert into datanets.review_rules (datanet_id, quorum, threshold_ppm, minimum_reputation_ppm)
    values (${datanetId}, ${quorum}, ${thresholdPpm}, ${minimumReputationPpm})
    on conflict (datanet_id) do update
    set quorum = excluded.quorum, threshold_ppm = excluded.threshold_ppm,
      minimum_reputation_ppm = excluded.minimum_reputation_ppm`);
}

/** undefined while too few have voted. */
export function decisionOf(
  votes: readonly { readonly accept: boolean }[],
  { quorum, thresholdPpm }: ReviewRules,
): boolean | undefined {
  if (votes.length < quorum) return undefined;
  const accepting = votes.filter(({ accept }) => accept).length;
  return accepting * PPM_ONE >= thresholdPpm * votes.length;
}
