/**
 * Imports: a source read by a client, line by line, so that it can stop anywhere and go on without taking a line twice.
 *
 * The cursor is the number of lines dealt with and a digest chained over them. It moves in the transaction that takes
 * the lines. A client that finds another digest over its own first lines has a changed source, and restarts; what it
 * sent before then counts as duplicates.
 */
import {
  type Id,
  type Intake,
  OpenLedgerError,
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
  readonly taken: number;
  readonly digest: string;
  readonly accepted: number;
  readonly rejected: Readonly<Partial<Record<RejectionReason, number>>>;
  readonly updatedAt: Date;
};

const NOTHING_TAKEN = '0'.repeat(64);

/** Finds the party's import of this name in the datanet, or opens it. */
export async function openImport(
  tx: Tx,
  clock: Clock,
  { datanetId, partyId, name }: Pick<Import, 'datanetId' | 'partyId' | 'name'>,
): Promise<Import> {
  const now = clock.now();
  await tx.query(sql`
    insert into datanets.imports (id, datanet_id, party_id, name, digest, created_at, updated_at)
    values (${newId('import', clock)}, ${datanetId}, ${partyId}, ${name}, ${NOTHING_TAKEN}, ${now}, ${now})
    on conflict (datanet_id, party_id, name) do nothing`);
  const [row] = await tx.query<Row>(sql`
    ${columns}
    where datanet_id = ${datanetId} and party_id = ${partyId} and name = ${name}`);
  return fromRow(row);
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
 * @throws conflict when `from` is not where the import stands (its cursor is in the details), not_found
 */
export async function uploadImport(
  tx: Tx,
  handles: Handles,
  { datanetId, importId, partyId, from, lines }: Upload,
): Promise<{ readonly import: Import; readonly intake: Intake }> {
  const before = await lockImport(tx, { datanetId, importId, partyId });
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
        updated_at = ${handles.clock.now()}
    where id = ${importId}`);
  return { import: await findImport(tx, { datanetId, importId }), intake };
}

/** Moves the cursor back to the beginning. Nothing that was taken is lost. */
export async function restartImport(
  tx: Tx,
  clock: Clock,
  { datanetId, importId, partyId }: Omit<Upload, 'from' | 'lines'>,
): Promise<Import> {
  await lockImport(tx, { datanetId, importId, partyId });
  await tx.query(sql`
    update datanets.imports
    set taken = 0, digest = ${NOTHING_TAKEN}, accepted = 0, rejected = '{}', updated_at = ${clock.now()}
    where id = ${importId}`);
  return findImport(tx, { datanetId, importId });
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
  taken: string;
  digest: string;
  accepted: string;
  rejected: Partial<Record<RejectionReason, number>>;
  updated_at: Date;
};

const columns = sql`
  select id, datanet_id, party_id, name, taken, digest, accepted, rejected, updated_at
  from datanets.imports`;

const fromRow = (row: Row): Import => ({
  id: row.id,
  datanetId: row.datanet_id,
  partyId: row.party_id,
  name: row.name,
  taken: Number(row.taken),
  digest: row.digest,
  accepted: Number(row.accepted),
  rejected: row.rejected,
  updatedAt: row.updated_at,
});

const noImport = (importId: string) =>
  new OpenLedgerError('not_found', `There is no import ${importId}.`, { importId });
