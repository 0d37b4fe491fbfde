/** What waits for a reviewer: submissions and honeypots alike, nobody's name on them. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Reader } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';
import { findBounty } from '../bounties/bounties.ts';
import { findSubmission, type KeptWork, noSubmission, readWork } from '../bounties/submissions.ts';
import type { WorkKind } from '../refiners/refiner.ts';
import { roleOf } from './reviewers.ts';

export type Waiting = {
  readonly id: Id<'submission'>;
  readonly bountyId: Id<'bounty'>;
  readonly kind: WorkKind;
  readonly instructions: string;
  readonly pipeline: readonly string[] | undefined;
  readonly passages: number;
  readonly createdAt: Date;
};

/** Oldest first, without what he has voted on or sent himself. @throws not_found, forbidden */
export async function listWaiting(
  reader: Reader,
  query: {
    readonly datanetId: string;
    readonly partyId: string;
    readonly limit: number;
    readonly after?: string;
  },
): Promise<readonly Waiting[]> {
  await roleOf(reader, query);
  const rows = await reader.query<{
    id: Id<'submission'>;
    bounty_id: Id<'bounty'>;
    kind: WorkKind;
    instructions: string;
    pipeline: string[] | null;
    passages: number;
    created_at: Date;
  }>(sql`
    select submissions.id, bounty_id, kind, instructions, pipeline, jsonb_array_length(work) as passages,
      submissions.created_at
    from datanets.submissions
    join datanets.bounties on bounties.id = bounty_id
    where datanet_id = ${query.datanetId} and state = 'pending' and closed_at is null
      and party_id <> ${query.partyId}
      and submissions.id > ${query.after ?? ''}
      and not exists (
        select from datanets.votes
        where submission_id = submissions.id and votes.party_id = ${query.partyId})
    order by submissions.id
    limit ${query.limit}`);
  return rows.map(({ bounty_id, created_at, pipeline, ...row }) => ({
    ...row,
    bountyId: bounty_id,
    pipeline: pipeline ?? undefined,
    createdAt: created_at,
  }));
}

export type ShownPassage = {
  /** Its place in the submission, by which pages go on. */
  readonly id: string;
  readonly parent: string;
  readonly refinement: string;
  readonly adds: boolean;
  readonly texts: readonly string[];
};

/**
 * The refined passages of a submission that is not decided, for its reviewers and its refiner. What descends from a text that was
 * withdrawn is left out.
 *
 * @throws not_found, also for who may not see it
 */
export async function readWaiting(
  reader: Reader,
  query: {
    readonly submissionId: string;
    readonly partyId: string;
    readonly limit: number;
    readonly after?: string;
  },
): Promise<readonly ShownPassage[]> {
  const submission = await findSubmission(reader, query.submissionId);
  const { datanetId } = await findBounty(reader, submission.bountyId);
  if (submission.partyId !== query.partyId) {
    await roleOf(reader, { datanetId, partyId: query.partyId }).catch((error: unknown) => {
      if (!(error instanceof OpenLedgerError) || error.code !== 'forbidden') throw error;
      throw noSubmission(query.submissionId);
    });
  }
  const work = await readWork(reader, submission.id);
  const hidden = await withdrawnIn(reader, datanetId, work);
  const from = query.after === undefined ? 0 : Number(query.after);
  const shown = work.map((one, i) => ({ ...one, id: String(i + 1) }));
  return shown
    .filter(({ parent }, i) => i >= from && !hidden.has(parent))
    .slice(0, query.limit)
    .map(({ children, ...one }) => ({ ...one, texts: children.map(({ text }) => text ?? '') }));
}

async function withdrawnIn(
  reader: Reader,
  datanetId: string,
  work: KeptWork,
): Promise<ReadonlySet<string>> {
  const rows = await reader.query<{ hash: string }>(sql`
    select hash
    from datanets.records
    where datanet_id = ${datanetId}
      and withdrawn_at is not null
      and hash = any(${work.map(({ parent }) => parent)}::text[])`);
  const withdrawn = new Set(rows.map(({ hash }) => hash));
  for (const { parent, children } of work) {
    if (withdrawn.has(parent)) for (const { hash } of children) withdrawn.add(hash);
  }
  return withdrawn;
}
