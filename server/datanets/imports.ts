/**
 * Imports: a source read by a client, line by line, so that it can stop anywhere and go on without taking a line twice.
 *
 * The cursor is the number of lines dealt with and a digest chained over them. It moves in the transaction that takes
 * the lines. A client that finds another digest over its own first lines has a changed source, and restarts; what it
 * sent before then counts as duplicates.
 *
 * A source that grows is imported in rounds of one name: a finished one says what it has reached, and the next begins
 * there. A round is an import of its own, because claims of one import share a text, and later ones come second.
 */
import {
  type Id,
  type Intake,
  OpenLedgerError,
  type PersonalDataCounts,
  type RejectionReason,
  sha256Hex,
} from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Reader, Tx } from '../platform/db.ts';
import type { Line } from '../platform/lines.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { addToIntake, contribute, emptyIntake, type Handles, readDrafts } from './contribute.ts';

export type Import = {
  readonly id: Id<'import'>;
  readonly datanetId: Id<'datanet'>;
  readonly partyId: Id<'party'>;
  readonly name: string;
  /** From 1. */
  readonly round: number;
  /** What the round before had reached. */
  readonly since: string | undefined;
  /** Once it is finished. */
  readonly reached: string | undefined;
  readonly taken: number;
  readonly digest: string;
  readonly accepted: number;
  readonly rejected: Readonly<Partial<Record<RejectionReason, number>>>;
  readonly personalDataFound: PersonalDataCounts;
  readonly updatedAt: Date;
};

const NOTHING_TAKEN = '0'.repeat(64);

/** Finds the party's import of this name in the datanet, or opens it; where it is finished, its next round. */
export async function openImport(
  tx: Tx,
  clock: Clock,
  wish: Pick<Import, 'datanetId' | 'partyId' | 'name'>,
): Promise<Import> {
  const before = await newestRound(tx, wish);
  if (before && before.reached === undefined) return before;
  const { datanetId, partyId, name } = wish;
  const round = (before?.round ?? 0) + 1;
  const now = clock.now();
  await tx.query(sql`
    insert into datanets.imports
      (id, datanet_id, party_id, name, round, since, digest, created_at, updated_at)
    values
      (${newId('import', clock)}, ${datanetId}, ${partyId}, ${name}, ${round}, ${before?.reached ?? null},
       ${NOTHING_TAKEN}, ${now}, ${now})
    on conflict (datanet_id, party_id, name, round) do nothing`);
  return (await newestRound(tx, wish))!;
}

async function newestRound(
  reader: Reader,
  { datanetId, partyId, name }: Pick<Import, 'datanetId' | 'partyId' | 'name'>,
): Promise<Import | undefined> {
  const [row] = await reader.query<Row>(sql`
    ${columns}
    where datanet_id = ${datanetId} and party_id = ${partyId} and name = ${name}
    order by round desc
    limit 1`);
  return row && fromRow(row);
}

/** @throws not_found */
export async function findImport(
  reader: Reader,
  { datanetId, importId }: { readonly datanetId: string; readonly importId: string },
): Promise<Import> {
  const [row] = await reader.query<Row>(
    sql`${columns} where id = ${importId} and datanet_id = ${datanetId}`,
  );
  if (!row) throw noImport(importId);
  return fromRow(row);
}

/** Which import, whose, and where its cursor is expected. */
export type Upload = {
  readonly datanetId: Id<'datanet'>;
  readonly importId: Id<'import'>;
  readonly partyId: Id<'party'>;
  readonly from: number;
  readonly lines: readonly Line[];
};

/**
 * Takes the next lines of an import.
 *
 * @throws conflict when `from` is not where the import stands (its cursor is in the details), or it is finished; not_found
 */
export async function uploadImport(
  tx: Tx,
  handles: Handles,
  { datanetId, importId, partyId, from, lines }: Upload,
): Promise<{ readonly import: Import; readonly intake: Intake }> {
  const before = await lockImport(tx, { datanetId, importId, partyId });
  assertOpen(before);
  if (before.taken !== from) {
    throw new OpenLedgerError(
      'conflict',
      `The import stands at line ${before.taken}, not at ${from}.`,
      { taken: before.taken, digest: before.digest },
    );
  }
  const { drafts, rejected } = readDrafts(lines);
  const outcome = await contribute(tx, handles, {
    datanetId,
    sender: { partyId, importId },
    drafts,
  });
  const all = [...rejected, ...outcome.rejected].sort((a, b) => a.line - b.line);
  const intake = addToIntake(emptyIntake(), { accepted: outcome.accepted, rejected: all });
  const counts = addToIntake(
    { ...before, rejections: [] },
    { accepted: outcome.accepted, rejected: all },
  );
  await tx.query(sql`
    update datanets.imports
    set taken = ${from + lines.length},
        digest = ${lines.reduce(chained, before.digest)},
        accepted = ${counts.accepted},
        rejected = ${JSON.stringify(counts.rejected)}::jsonb,
        personal_data = ${JSON.stringify(counts.personalDataFound)}::jsonb,
        updated_at = ${handles.clock.now()}
    where id = ${importId}`);
  return { import: await findImport(tx, { datanetId, importId }), intake };
}

/** Moves the cursor back to the beginning. Nothing that was taken is lost. @throws conflict when it is finished */
export async function restartImport(
  tx: Tx,
  clock: Clock,
  { datanetId, importId, partyId }: Omit<Upload, 'from' | 'lines'>,
): Promise<Import> {
  assertOpen(await lockImport(tx, { datanetId, importId, partyId }));
  await tx.query(sql`
    update datanets.imports
    set taken = 0, digest = ${NOTHING_TAKEN}, accepted = 0, rejected = '{}', personal_data = '{}',
        updated_at = ${clock.now()}
    where id = ${importId}`);
  return findImport(tx, { datanetId, importId });
}

/**
 * Ends a round: all of it was sent. Said again, it is answered again.
 *
 * @throws conflict when the import stands elsewhere than the digest says, or has reached something else
 */
export async function finishImport(
  tx: Tx,
  clock: Clock,
  {
    digest,
    reached,
    ...which
  }: Omit<Upload, 'from' | 'lines'> & { readonly digest: string; readonly reached: string },
): Promise<Import> {
  const before = await lockImport(tx, which);
  if (before.reached === reached && before.digest === digest) return before;
  assertOpen(before);
  if (before.digest !== digest) {
    throw new OpenLedgerError(
      'conflict',
      'The import does not stand where its end is said to be.',
      {
        taken: before.taken,
        digest: before.digest,
      },
    );
  }
  await tx.query(sql`
    update datanets.imports
    set reached = ${reached}, updated_at = ${clock.now()}
    where id = ${which.importId}`);
  return findImport(tx, which);
}

function assertOpen({ id, reached }: Import): void {
  if (reached === undefined) return;
  throw new OpenLedgerError(
    'conflict',
    'The import is finished: open it again for its next round.',
    {
      importId: id,
      reached,
    },
  );
}

/** Somebody else's import does not exist for the asker. */
async function lockImport(
  tx: Tx,
  { datanetId, importId, partyId }: Omit<Upload, 'from' | 'lines'>,
): Promise<Import> {
  const [row] = await tx.query<Row>(sql`
    ${columns}
    where id = ${importId} and datanet_id = ${datanetId} and party_id = ${partyId}
    for update`);
  if (!row) throw noImport(importId);
  return fromRow(row);
}

/** d(n) = SHA-256 over d(n-1) and the hash of line n, both as hex. */
const chained = (digest: string, line: Line): string =>
  sha256Hex(digest + sha256Hex('text' in line ? line.text : line.problem));

type Row = {
  id: Id<'import'>;
  datanet_id: Id<'datanet'>;
  party_id: Id<'party'>;
  name: string;
  round: number;
  since: string | null;
  reached: string | null;
  taken: string;
  digest: string;
  accepted: string;
  rejected: Partial<Record<RejectionReason, number>>;
  personal_data: PersonalDataCounts;
  updated_at: Date;
};

const columns = sql`
  select id, datanet_id, party_id, name, round, since, reached, taken, digest, accepted, rejected, personal_data,
    updated_at
  from datanets.imports`;

const fromRow = (row: Row): Import => ({
  id: row.id,
  datanetId: row.datanet_id,
  partyId: row.party_id,
  name: row.name,
  round: row.round,
  since: row.since ?? undefined,
  reached: row.reached ?? undefined,
  taken: Number(row.taken),
  digest: row.digest,
  accepted: Number(row.accepted),
  rejected: row.rejected,
  personalDataFound: row.personal_data,
  updatedAt: row.updated_at,
});

const noImport = (importId: string) =>
  new OpenLedgerError('not_found', `There is no import ${importId}.`, { importId });
