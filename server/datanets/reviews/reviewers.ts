/** Who reviews a datanet's submissions, and how often they were right. */
import { type Id, OpenLedgerError, PPM_ONE } from '@openledger/protocol';
import type { Reader, Tx } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';
import { findDatanet } from '../datanets.ts';

/** Both vote; curators plant honeypots as well. The datanet's owner is a curator. */
export type ReviewerRole = 'curator' | 'validator';

export type Reviewer = {
  /** The party's, by which pages go on. */
  readonly id: Id<'party'>;
  readonly partyId: Id<'party'>;
  readonly role: ReviewerRole;
  /** Units. Nothing binds them yet. */
  readonly stakeUnits: bigint;
  readonly reputation: Reputation;
};

/** Votes that were decided upon, honeypots among them, and how many of them were decided so. */
export type Reputation = {
  readonly decisions: number;
  readonly upheld: number;
  /** (upheld + 1) / (decisions + 2), rounded down: half for somebody of whom nothing is known. */
  readonly ppm: number;
};

export const reputationOf = ({
  decisions,
  upheld,
}: Pick<Reputation, 'decisions' | 'upheld'>): Reputation => ({
  ...{ decisions, upheld },
  ppm: Math.floor(((upheld + 1) * PPM_ONE) / (decisions + 2)),
});

export async function grantRole(
  tx: Tx,
  reviewer: Omit<Reviewer, 'id' | 'reputation'> & {
    readonly datanetId: string;
    readonly at: Date;
  },
): Promise<void> {
  await tx.query(sql`
    insert into datanets.reviewers (datanet_id, party_id, role, stake_units, created_at)
    values (${reviewer.datanetId}, ${reviewer.partyId}, ${reviewer.role}, ${reviewer.stakeUnits}, ${reviewer.at})
    on conflict (datanet_id, party_id) do update
    set role = excluded.role, stake_units = excluded.stake_units`);
}

/** @throws not_found */
export async function revokeRole(
  tx: Tx,
  { datanetId, partyId }: { readonly datanetId: string; readonly partyId: string },
): Promise<void> {
  const revoked = await tx.query(sql`
    delete from datanets.reviewers
    where datanet_id = ${datanetId} and party_id = ${partyId}
    returning party_id`);
  if (revoked.length > 0) return;
  throw new OpenLedgerError('not_found', `${partyId} does not review this datanet.`);
}

export async function listReviewers(
  reader: Reader,
  query: { readonly datanetId: string; readonly limit: number; readonly after?: string },
): Promise<readonly Reviewer[]> {
  const rows = await reader.query<{
    party_id: Id<'party'>;
    role: ReviewerRole;
    stake_units: string;
  }>(sql`
    select party_id, role, stake_units
    from datanets.reviewers
    where datanet_id = ${query.datanetId} and party_id > ${query.after ?? ''}
    order by party_id
    limit ${query.limit}`);
  const reviewers: Reviewer[] = [];
  for (const { party_id: partyId, role, stake_units } of rows) {
    const reputation = await findReputation(reader, { ...query, partyId });
    reviewers.push({ id: partyId, partyId, role, stakeUnits: BigInt(stake_units), reputation });
  }
  return reviewers;
}

export async function findReputation(
  reader: Reader,
  { datanetId, partyId }: { readonly datanetId: string; readonly partyId: string },
): Promise<Reputation> {
  const [{ decisions, upheld }] = await reader.query<{ decisions: string; upheld: string }>(sql`
    select count(*) as decisions, count(*) filter (where upheld) as upheld
    from datanets.votes
    where datanet_id = ${datanetId} and party_id = ${partyId} and upheld is not null`);
  return reputationOf({ decisions: Number(decisions), upheld: Number(upheld) });
}

/** @throws not_found for an unknown datanet, forbidden for who has no role in it */
export async function roleOf(
  reader: Reader,
  { datanetId, partyId }: { readonly datanetId: string; readonly partyId: string },
): Promise<ReviewerRole> {
  const { ownerId } = await findDatanet(reader, datanetId);
  if (ownerId === partyId) return 'curator';
  const [row] = await reader.query<{ role: ReviewerRole }>(sql`
    select role
    from datanets.reviewers
    where datanet_id = ${datanetId} and party_id = ${partyId}`);
  if (row) return row.role;
  throw new OpenLedgerError('forbidden', 'You do not review this datanet.', { datanetId });
}
