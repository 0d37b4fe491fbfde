/**
 * Records that are read for pay.
 *
 * A read is written down before it is posted, so that none is posted twice and none is forgotten. Who has paid for a record
 * reads it again for a day without paying: an answer that was lost on the way is asked for again.
 */
import {
  type EntitlementList,
  type EntitlementVector,
  entitlementOf,
  formatEntitlement,
  type Id,
  OpenLedgerError,
  parseEntitlement,
  type Shares,
  sharesOf,
} from '@openledger/protocol';
import type { Caller } from '../../identity/index.ts';
import { transactionIdFor } from '../../ledger/index.ts';
import type { Reader as Db, Tx } from '../../platform/db.ts';
import { announce } from '../../platform/jobs.ts';
import { newId } from '../../platform/new-id.ts';
import { sql } from '../../platform/sql.ts';
import type { Datanet } from '../datanets.ts';
import { findSnapshotRecords, newestSnapshot } from '../snapshots.ts';
import type { AccessHandles } from './stage.ts';

export type Read = {
  readonly id: Id<'read'>;
  readonly datanetId: Id<'datanet'>;
  readonly readerId: Id<'party'>;
  /** The datanet's, when it was read. */
  readonly ownerId: Id<'party'>;
  readonly records: readonly string[];
  readonly units: bigint;
  readonly policyHash: string;
  /** Each record weighs the same, whoever owns it. */
  readonly shares: Shares;
  readonly readAt: Date;
};

export type ReadOrder = {
  readonly datanet: Datanet;
  readonly recordHashes: readonly string[];
  /** The one that they were found in. Absent: the newest. */
  readonly snapshotId?: string;
  readonly caller: Caller;
  /** Units. */
  readonly payUpTo: bigint;
};

const DAY_MS = 86_400_000;

/** What is posted while others wait, and what is due afterwards: more than two rounds mean that somebody else pays too. */
const ROUNDS = 5;

/**
 * Pays for those of the records that the caller has not paid for in the last day.
 *
 * @returns what was paid now; undefined when nothing was due
 * @throws payment_required when it is more than `payUpTo`, insufficient_funds
 */
export async function payForReading(
  handles: AccessHandles,
  order: ReadOrder,
): Promise<Read | undefined> {
  let paid: Read | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    const planned = await handles.db.transaction((tx) => planRead(tx, handles, order));
    if (planned === undefined) return paid;
    await postRead(handles, planned.id);
    if (planned.isNew) paid = await findRead(handles.db, planned.id);
  }
  throw new OpenLedgerError('conflict', 'The same records are being paid for by another request.');
}

/** Posts what was written down and left there, by whoever was interrupted. */
export async function settleReads(handles: AccessHandles, before: Date): Promise<void> {
  const rows = await handles.db.query<{ id: Id<'read'> }>(sql`
    select id
    from datanets.reads
    where posted_at is null and read_at < ${before}
    order by id`);
  for (const { id } of rows) {
    await postRead(handles, id).catch((error: unknown) => {
      handles.log.error('access.not_posted', { readId: id, error });
    });
  }
}

/** @throws not_found */
export async function findRead(db: Db, readId: string): Promise<Read> {
  const [row] = await db.query<Row>(sql`${columns} where id = ${readId}`);
  if (!row) throw new OpenLedgerError('not_found', `No read ${readId}.`, { readId });
  return fromRow(row);
}

/** A party's, newest first. */
export async function listReads(
  db: Db,
  query: { readonly readerId: string; readonly limit: number; readonly after?: string },
): Promise<readonly Read[]> {
  const after = query.after ?? null;
  const rows = await db.query<Row>(sql`
    ${columns}
    where reader_id = ${query.readerId} and posted_at is not null and (${after}::text is null or id < ${after})
    order by id desc
    limit ${query.limit}`);
  return rows.map(fromRow);
}

/** Of the records, those that a party has ever paid for. */
export async function everPaid(
  db: Db,
  { datanetId, partyId }: { readonly datanetId: string; readonly partyId: string },
  recordHashes: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ hash: string }>(sql`
    select distinct hash
    from datanets.reads, unnest(records) as hash
    where reader_id = ${partyId} and datanet_id = ${datanetId} and posted_at is not null
      and hash = any(${[...recordHashes]}::text[])`);
  return new Set(rows.map(({ hash }) => hash));
}

type Planned = { readonly id: Id<'read'>; readonly isNew: boolean };

/** What has to be posted next: somebody's who was interrupted, or a new one. */
async function planRead(
  tx: Tx,
  { clock, governance, spend }: AccessHandles,
  { datanet, recordHashes, snapshotId, caller, payUpTo }: ReadOrder,
): Promise<Planned | undefined> {
  await lockReader(tx, datanet.id, caller.partyId);
  const since = new Date(clock.now().getTime() - DAY_MS);
  const before = await tx.query<{ id: Id<'read'>; records: string[]; posted_at: Date | null }>(sql`
    select id, records, posted_at
    from datanets.reads
    where reader_id = ${caller.partyId} and datanet_id = ${datanet.id} and read_at > ${since}`);
  const open = before.find(({ posted_at }) => posted_at === null);
  if (open) return { id: open.id, isNew: false };
  const known = new Set(before.flatMap((read) => read.records));
  const due = [...new Set(recordHashes)].filter((hash) => !known.has(hash));
  if (due.length === 0) return undefined;
  const units = datanet.readUnits * BigInt(due.length);
  if (units > payUpTo) throw paymentRequired(datanet, { records: due.length, units, payUpTo });
  const readAt = clock.now();
  await spend(tx, caller, { units, at: readAt });
  const { hash: policyHash } = await governance.policyInForce();
  const shares = await payeesOf(tx, { datanetId: datanet.id, snapshotId }, due);
  const id = newId('read', clock);
  await tx.query(sql`
    insert into datanets.reads
      (id, datanet_id, reader_id, key_id, owner_id, records, units, policy_hash, shares, read_at)
    values
      (${id}, ${datanet.id}, ${caller.partyId}, ${caller.keyId}, ${datanet.ownerId}, ${due}, ${units}, ${policyHash},
       ${JSON.stringify(formatEntitlement(shares))}, ${readAt})`);
  return { id, isNew: true };
}

/** Two requests of one party for the same records must not both pay. */
const lockReader = (tx: Tx, datanetId: string, partyId: string) =>
  tx.query(sql`select pg_advisory_xact_lock(hashtextextended(${`${datanetId} ${partyId}`}, 9))`);

/** Each record counts the same, and its owners have it as they were sealed. @throws forbidden */
async function payeesOf(
  tx: Tx,
  from: { readonly datanetId: string; readonly snapshotId: string | undefined },
  recordHashes: readonly string[],
): Promise<EntitlementVector> {
  const snapshotId = from.snapshotId ?? (await newestSnapshot(tx, from.datanetId))?.id;
  const records = snapshotId ? await findSnapshotRecords(tx, snapshotId, recordHashes) : [];
  const live = new Set(
    records.filter(({ withdrawn }) => !withdrawn).map(({ recordHash }) => recordHash),
  );
  const missing = recordHashes.find((recordHash) => !live.has(recordHash));
  if (missing !== undefined) {
    throw new OpenLedgerError(
      'forbidden',
      'Only records of the newest snapshot are read for pay.',
      {
        recordHash: missing,
      },
    );
  }
  return entitlementOf(records.flatMap(({ owners }) => owners));
}

type PostedRow = { reader_id: string; key_id: Id<'key'>; units: string; read_at: Date };

/**
 * Takes the price from the reader. Whoever comes second finds it done.
 *
 * @throws insufficient_funds: then nothing is left of it
 */
async function postRead(handles: AccessHandles, readId: Id<'read'>): Promise<void> {
  const { db, ledger, clock, spend } = handles;
  const refusal = await db.transaction(async (tx) => {
    const [read] = await tx.query<PostedRow>(sql`
      select reader_id, key_id, units, read_at
      from datanets.reads
      where id = ${readId} and posted_at is null
      for update`);
    if (!read) return undefined;
    try {
      await ledger.post({
        transactionId: transactionIdFor(readId, 'read.paid'),
        reason: 'read.paid',
        reference: readId,
        postings: [
          { from: `${read.reader_id}:available`, to: 'clearing:fees', amount: BigInt(read.units) },
        ],
      });
    } catch (error) {
      if (!(error instanceof OpenLedgerError) || error.code === 'unavailable') throw error;
      await tx.query(sql`delete from datanets.reads where id = ${readId}`);
      const key = { keyId: read.key_id, limitUnits: undefined, limits: undefined };
      await spend(tx, key, { units: -BigInt(read.units), at: read.read_at });
      return error;
    }
    await tx.query(sql`
      update datanets.reads set posted_at = ${clock.now()} where id = ${readId}`);
    await announce(tx, 'read.paid', { readId });
    return undefined;
  });
  if (refusal) throw refusal;
}

const paymentRequired = (
  { id: datanetId, readUnits }: Datanet,
  price: { readonly records: number; readonly units: bigint; readonly payUpTo: bigint },
) =>
  new OpenLedgerError(
    'payment_required',
    `Reading ${price.records} records of this datanet costs ${price.units} units; you have said to pay ${price.payUpTo} at most (payUpTo).`,
    {
      ...{ datanetId, records: price.records },
      ...{ units: price.units.toString(), readUnits: readUnits.toString() },
    },
  );

type Row = {
  id: Id<'read'>;
  datanet_id: Id<'datanet'>;
  reader_id: Id<'party'>;
  owner_id: Id<'party'>;
  records: string[];
  units: string;
  policy_hash: string;
  shares: EntitlementList;
  read_at: Date;
};

const columns = sql`
  select id, datanet_id, reader_id, owner_id, records, units, policy_hash, shares, read_at
  from datanets.reads`;

const fromRow = (row: Row): Read => ({
  ...{ id: row.id, datanetId: row.datanet_id, readerId: row.reader_id, ownerId: row.owner_id },
  ...{ records: row.records, units: BigInt(row.units), policyHash: row.policy_hash },
  shares: sharesOf(parseEntitlement(row.shares)),
  readAt: row.read_at,
});
