/** The record of attributions. */
import {
  type ChannelEvidence,
  type Evidence,
  formatShares,
  groundedPpm,
  type Id,
  OpenLedgerError,
  parseShares,
  type ReceiptSnapshot,
  type ShareList,
  type Shares,
} from '@openledger/protocol';
import type { Reader, Tx } from '../platform/db.ts';
import { prepared, sql } from '../platform/sql.ts';

export type Attribution = {
  readonly attributionId: Id<'attribution'>;
  readonly inferenceId: Id<'inference'>;
  /** The policy by which it was made, and by which the fees are split. */
  readonly policyHash: string;
  /** What stands behind the inference; empty: no registered data. */
  readonly snapshots: readonly ReceiptSnapshot[];
  /** Who has what part of the data leg; empty without registered data. */
  readonly shares: Shares;
  /** As receipts state it; undefined where there was nothing to trace against. */
  readonly evidence: Evidence | undefined;
  /** What the engine measured beside the trace, as receipts state it; undefined where nothing was. */
  readonly channels: ChannelEvidence | undefined;
  readonly attributedAt: Date;
};

/** @returns false when the inference has been attributed already */
export async function insertAttribution(
  tx: Tx,
  attribution: Attribution & { readonly total: bigint; readonly covered: bigint },
): Promise<boolean> {
  const { evidence, channels } = attribution;
  const inserted = await tx.query(
    prepared(
      'attribution.record',
      sql`
    insert into attribution.attributions
      (inference_id, id, policy_hash, snapshots, shares, evidence, channels, total, covered, attributed_at)
    values (
      ${attribution.inferenceId}, ${attribution.attributionId}, ${attribution.policyHash},
      ${JSON.stringify(attribution.snapshots)}, ${JSON.stringify(formatShares(attribution.shares))},
      ${evidence ? JSON.stringify(evidence) : null}, ${channels ? JSON.stringify(channels) : null},
      ${attribution.total}, ${attribution.covered}, ${attribution.attributedAt}
    )
    on conflict (inference_id) do nothing
    returning id`,
    ),
  );
  return inserted.length > 0;
}

export async function isAttributed(on: Reader, inferenceId: string): Promise<boolean> {
  const rows = await on.query(
    prepared(
      'attribution.is-there',
      sql`
    select id from attribution.attributions where inference_id = ${inferenceId}`,
    ),
  );
  return rows.length > 0;
}

type Row = {
  id: Id<'attribution'>;
  inference_id: Id<'inference'>;
  policy_hash: string;
  snapshots: ReceiptSnapshot[];
  shares: ShareList;
  evidence: Evidence | null;
  channels: ChannelEvidence | null;
  attributed_at: Date;
};

/** @throws not_found when the inference is not, or not yet, attributed */
export async function findAttribution(on: Reader, inferenceId: string): Promise<Attribution> {
  const [row] = await on.query<Row>(
    prepared(
      'attribution.find',
      sql`
    select id, inference_id, policy_hash, snapshots, shares, evidence, channels, attributed_at
    from attribution.attributions
    where inference_id = ${inferenceId}`,
    ),
  );
  if (!row) throw new OpenLedgerError('not_found', `${inferenceId} has not been attributed.`);
  return {
    attributionId: row.id,
    inferenceId: row.inference_id,
    policyHash: row.policy_hash,
    snapshots: row.snapshots,
    shares: parseShares(row.shares),
    evidence: row.evidence ?? undefined,
    channels: row.channels ?? undefined,
    attributedAt: row.attributed_at,
  };
}

/** @returns attributions since then whose evidence names one of the records for more than an echo; `most` where there are more */
export async function countCiting(
  on: Reader,
  query: { readonly recordHashes: readonly string[]; readonly since: Date; readonly most: number },
): Promise<number> {
  // The expression is that of the index.
  const [{ count }] = await on.query<{ count: string }>(sql`
    select count(*) as count
    from (
      select
      from attribution.attributions
      where jsonb_path_query_array(evidence, '$.spans[*] ? (@.echo == false).records[*].record') ?| ${[...query.recordHashes]}::text[]
        and attributed_at >= ${query.since}
      limit ${query.most}
    ) as citing`);
  return Number(count);
}

export type AttributionSummary = {
  readonly inferences: number;
  /** Inferences with at least one word that a record covers. */
  readonly grounded: number;
  /** Over all inferences together: covered information of all that is not echo. */
  readonly groundedPpm: number;
};

export async function summarizeAttributions(on: Reader): Promise<AttributionSummary> {
  const [row] = await on.query<{
    inferences: string;
    grounded: string;
    total: string;
    covered: string;
  }>(sql`
    select
      count(*) as inferences,
      count(*) filter (where covered > 0) as grounded,
      coalesce(sum(total), 0) as total,
      coalesce(sum(covered), 0) as covered
    from attribution.attributions`);
  return {
    inferences: Number(row.inferences),
    grounded: Number(row.grounded),
    groundedPpm: groundedPpm({ total: BigInt(row.total), covered: BigInt(row.covered) }),
  };
}
