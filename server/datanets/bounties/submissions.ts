/** Submissions as rows: what a refiner offers for a bounty, and what became of it. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Reader, Tx } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';
import type { MEASURE_VERSION } from './measure.ts';
import type { RefinedPassage } from './passages.ts';

export type SubmissionState = 'pending' | 'accepted' | 'rejected' | 'lapsed';

/** Of the refined passages that were offered, and what was measured with those that were taken. */
export type SubmissionOutcome = {
  /** How it was measured. */
  readonly measure: typeof MEASURE_VERSION;
  readonly taken: number;
  /** Their parents are refined otherwise, withdrawn, or not part of the bounty's passages. */
  readonly gone: number;
  /** Their texts are in the datanet already, or were withdrawn from it. */
  readonly known: number;
  /** Taken, and not measured: they hold words of a held-out question that their source does not have. */
  readonly stuffed: number;
  /** Scores of the passages before and after it. */
  readonly beforePpm: number;
  readonly afterPpm: number;
  readonly deltaPpm: number;
};

export type Submission = {
  readonly id: Id<'submission'>;
  readonly bountyId: Id<'bounty'>;
  readonly partyId: Id<'party'>;
  /** Names of refiners; undefined: made by hand. */
  readonly pipeline: readonly string[] | undefined;
  readonly state: SubmissionState;
  /** Refined passages offered. */
  readonly passages: number;
  /** Not undefined: a honeypot. */
  readonly knownAnswer: boolean | undefined;
  readonly outcome: SubmissionOutcome | undefined;
  readonly units: bigint;
  readonly createdAt: Date;
  readonly decidedAt: Date | undefined;
};

/** Texts are gone once it is decided: what was taken is a record, and can be withdrawn as such. */
export type KeptWork = readonly (Omit<RefinedPassage, 'children'> & {
  readonly children: readonly {
    readonly hash: string;
    readonly lines: readonly number[];
    readonly text?: string;
  }[];
})[];

export async function insertSubmission(
  tx: Tx,
  submission: Pick<
    Submission,
    'id' | 'bountyId' | 'partyId' | 'pipeline' | 'knownAnswer' | 'createdAt'
  > & { readonly work: readonly RefinedPassage[] },
): Promise<void> {
  await tx.query(sql`
    insert into datanets.submissions
      (id, bounty_id, party_id, pipeline, work, state, known_answer, created_at)
    values
      (${submission.id}, ${submission.bountyId}, ${submission.partyId}, ${submission.pipeline ?? null},
       ${JSON.stringify(submission.work)}::jsonb, 'pending', ${submission.knownAnswer ?? null},
       ${submission.createdAt})`);
}

/** @throws not_found */
export async function findSubmission(reader: Reader, submissionId: string): Promise<Submission> {
  const [row] = await reader.query<Row>(sql`${columns} where id = ${submissionId}`);
  if (!row) throw noSubmission(submissionId);
  return fromRow(row);
}

/** Holds others off until the transaction ends. @throws not_found */
export async function lockSubmission(tx: Tx, submissionId: string): Promise<Submission> {
  const [row] = await tx.query<Row>(sql`${columns} where id = ${submissionId} for update`);
  if (!row) throw noSubmission(submissionId);
  return fromRow(row);
}

/** Oldest first: what is decided, and his own. Nobody can tell a honeypot from what is missing here. */
export async function listSubmissions(
  reader: Reader,
  query: {
    readonly bountyId: string;
    readonly viewerId: string;
    readonly limit: number;
    readonly after?: string;
  },
): Promise<readonly Submission[]> {
  const rows = await reader.query<Row>(sql`
    ${columns}
    where bounty_id = ${query.bountyId}
      and (party_id = ${query.viewerId} or (state <> 'pending' and known_answer is null))
      and id > ${query.after ?? ''}
    order by id
    limit ${query.limit}`);
  return rows.map(fromRow);
}

export async function readWork(reader: Reader, submissionId: string): Promise<KeptWork> {
  const [row] = await reader.query<{ work: KeptWork }>(sql`
    select work
    from datanets.submissions
    where id = ${submissionId}`);
  if (!row) throw noSubmission(submissionId);
  return row.work;
}

/** Of a bounty, in the order of their acceptance: what was taken. */
export async function readAcceptedWork(reader: Reader, bountyId: string): Promise<KeptWork> {
  const rows = await reader.query<{ work: KeptWork }>(sql`
    select work
    from datanets.submissions
    where bounty_id = ${bountyId} and state = 'accepted'
    order by place`);
  return rows.flatMap(({ work }) => work);
}

type Row = {
  id: Id<'submission'>;
  bounty_id: Id<'bounty'>;
  party_id: Id<'party'>;
  pipeline: string[] | null;
  state: SubmissionState;
  passages: number;
  known_answer: boolean | null;
  outcome: SubmissionOutcome | null;
  units: string;
  created_at: Date;
  decided_at: Date | null;
};

const columns = sql`
  select id, bounty_id, party_id, pipeline, state, jsonb_array_length(work) as passages, known_answer, outcome, units,
    created_at, decided_at
  from datanets.submissions`;

const fromRow = (row: Row): Submission => ({
  id: row.id,
  bountyId: row.bounty_id,
  partyId: row.party_id,
  pipeline: row.pipeline ?? undefined,
  state: row.state,
  passages: row.passages,
  knownAnswer: row.known_answer ?? undefined,
  outcome: row.outcome ?? undefined,
  units: BigInt(row.units),
  createdAt: row.created_at,
  decidedAt: row.decided_at ?? undefined,
});

export const noSubmission = (submissionId: string) =>
  new OpenLedgerError('not_found', `There is no submission ${submissionId}.`, { submissionId });
