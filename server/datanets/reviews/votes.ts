/** Votes as rows. */
import type { Id } from '@openledger/protocol';
import type { Reader, Tx } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';

export type Vote = {
  readonly submissionId: Id<'submission'>;
  readonly partyId: Id<'party'>;
  readonly datanetId: Id<'datanet'>;
  readonly accept: boolean;
  readonly reason: string;
  /** Whether it was decided so; undefined until it is. */
  readonly upheld: boolean | undefined;
  readonly createdAt: Date;
};

export async function insertVote(tx: Tx, vote: Vote): Promise<void> {
  await tx.query(sql`
    insert into datanets.votes (submission_id, party_id, datanet_id, accept, reason, upheld, created_at)
    values (${vote.submissionId}, ${vote.partyId}, ${vote.datanetId}, ${vote.accept}, ${vote.reason},
      ${vote.upheld ?? null}, ${vote.createdAt})`);
}

/** The first one first. */
export async function readVotes(reader: Reader, submissionId: string): Promise<readonly Vote[]> {
  const rows = await reader.query<{
    submission_id: Id<'submission'>;
    party_id: Id<'party'>;
    datanet_id: Id<'datanet'>;
    accept: boolean;
    reason: string;
    upheld: boolean | null;
    created_at: Date;
  }>(sql`
    select submission_id, party_id, datanet_id, accept, reason, upheld, created_at
    from datanets.votes
    where submission_id = ${submissionId}
    order by created_at, party_id`);
  return rows.map((row) => ({
    submissionId: row.submission_id,
    partyId: row.party_id,
    datanetId: row.datanet_id,
    accept: row.accept,
    reason: row.reason,
    upheld: row.upheld ?? undefined,
    createdAt: row.created_at,
  }));
}

export async function upholdVotes(
  tx: Tx,
  submissionId: string,
  { accepted }: { readonly accepted: boolean },
): Promise<void> {
  await tx.query(sql`
    update datanets.votes
    set upheld = (accept = ${accepted})
    where submission_id = ${submissionId}`);
}
