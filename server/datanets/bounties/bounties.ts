/** Bounties as rows: what is promised for which refinement of which snapshot, and how far it has come. */
import { type Id, OpenLedgerError, proportionOf } from '@openledger/protocol';
import type { Reader, Tx } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';
import type { WorkKind } from '../refiners/refiner.ts';
import type { Question } from './measure.ts';

export type Bounty = {
  readonly id: Id<'bounty'>;
  readonly datanetId: Id<'datanet'>;
  /** What is refined: the newest snapshot when the bounty was opened. */
  readonly snapshotId: Id<'snapshot'>;
  readonly funderId: Id<'party'>;
  readonly kind: WorkKind;
  readonly instructions: string;
  /** Units. */
  readonly reward: bigint;
  /** The delta for which the whole reward is paid. */
  readonly targetPpm: number;
  /** Of the held-out questions. */
  readonly commitment: string;
  readonly submitUntil: Date;
  readonly decideUntil: Date;
  /** The snapshot's own score. */
  readonly basePpm: number;
  /** The sum of accepted deltas: it falls where a refinement made things worse. */
  readonly levelPpm: number;
  /** The highest that the level was, 0 at least. All that was paid follows from it. */
  readonly bestPpm: number;
  /** Submissions accepted. */
  readonly accepted: number;
  /** Units, planned or posted. */
  readonly paid: bigint;
  readonly closedAt: Date | undefined;
  readonly createdAt: Date;
};

/** What nobody may see before the bounty is closed. */
export type HeldOut = { readonly salt: string; readonly questions: readonly Question[] };

/** Units for the level that was reached: only ever more, never above the reward, and the same by whatever steps. */
export const earnedAt = (
  bestPpm: number,
  { reward, targetPpm }: Pick<Bounty, 'reward' | 'targetPpm'>,
): bigint =>
  proportionOf(reward, {
    part: BigInt(Math.min(bestPpm, targetPpm)),
    whole: BigInt(targetPpm),
  });

/** As it is planned; it can be seen once it is funded. */
export async function insertBounty(
  tx: Tx,
  { salt, questions, ...bounty }: Bounty & HeldOut,
): Promise<void> {
  await tx.query(sql`
    insert into datanets.bounties
      (id, datanet_id, snapshot_id, funder_id, kind, instructions, reward, target_ppm, commitment, salt, questions,
       submit_until, decide_until, base_ppm, created_at)
    values
      (${bounty.id}, ${bounty.datanetId}, ${bounty.snapshotId}, ${bounty.funderId}, ${bounty.kind},
       ${bounty.instructions}, ${bounty.reward}, ${bounty.targetPpm}, ${bounty.commitment}, ${salt},
       ${JSON.stringify(questions)}::jsonb, ${bounty.submitUntil}, ${bounty.decideUntil}, ${bounty.basePpm},
       ${bounty.createdAt})`);
}

/** @throws not_found */
export async function findBounty(reader: Reader, bountyId: string): Promise<Bounty> {
  const [row] = await reader.query<Row>(sql`
    ${columns}
    where id = ${bountyId} and funded_at is not null`);
  if (!row) throw noBounty(bountyId);
  return fromRow(row);
}

/** Holds others off until the transaction ends. @throws not_found */
export async function lockBounty(tx: Tx, bountyId: string): Promise<Bounty> {
  const [row] = await tx.query<Row>(sql`
    ${columns}
    where id = ${bountyId} and funded_at is not null
    for update`);
  if (!row) throw noBounty(bountyId);
  return fromRow(row);
}

/** Oldest first. */
export async function listBounties(
  reader: Reader,
  query: { readonly datanetId?: string; readonly limit: number; readonly after?: string },
): Promise<readonly Bounty[]> {
  const rows = await reader.query<Row>(sql`
    ${columns}
    where funded_at is not null
      and (${query.datanetId ?? null}::text is null or datanet_id = ${query.datanetId ?? null})
      and id > ${query.after ?? ''}
    order by id
    limit ${query.limit}`);
  return rows.map(fromRow);
}

export async function findHeldOut(reader: Reader, bountyId: string): Promise<HeldOut> {
  const [row] = await reader.query<{ salt: string; questions: Question[] }>(sql`
    select salt, questions
    from datanets.bounties
    where id = ${bountyId}`);
  if (!row) throw noBounty(bountyId);
  return row;
}

type Row = {
  id: Id<'bounty'>;
  datanet_id: Id<'datanet'>;
  snapshot_id: Id<'snapshot'>;
  funder_id: Id<'party'>;
  kind: WorkKind;
  instructions: string;
  reward: string;
  target_ppm: number;
  commitment: string;
  submit_until: Date;
  decide_until: Date;
  base_ppm: number;
  level_ppm: number;
  best_ppm: number;
  accepted: number;
  paid: string;
  closed_at: Date | null;
  created_at: Date;
};

const columns = sql`
  select id, datanet_id, snapshot_id, funder_id, kind, instructions, reward, target_ppm, commitment, submit_until,
    decide_until, base_ppm, level_ppm, best_ppm, accepted, paid, closed_at, created_at
  from datanets.bounties`;

const fromRow = (row: Row): Bounty => ({
  id: row.id,
  datanetId: row.datanet_id,
  snapshotId: row.snapshot_id,
  funderId: row.funder_id,
  kind: row.kind,
  instructions: row.instructions,
  reward: BigInt(row.reward),
  targetPpm: row.target_ppm,
  commitment: row.commitment,
  submitUntil: row.submit_until,
  decideUntil: row.decide_until,
  basePpm: row.base_ppm,
  levelPpm: row.level_ppm,
  bestPpm: row.best_ppm,
  accepted: row.accepted,
  paid: BigInt(row.paid),
  closedAt: row.closed_at ?? undefined,
  createdAt: row.created_at,
});

const noBounty = (bountyId: string) =>
  new OpenLedgerError('not_found', `There is no bounty ${bountyId}.`, { bountyId });
