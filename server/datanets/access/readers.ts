/** Who may read a datanet's texts: anybody, or those whom its owner has let in. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import { type Caller, isAdmin } from '../../identity/index.ts';
import type { Reader as Db, Tx } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';
import type { Datanet } from '../datanets.ts';

export type ReaderState = 'requested' | 'granted' | 'refused';

/** A party that has asked to read, or that was decided about. */
export type Reader = {
  /** The party's, by which pages go on. */
  readonly id: Id<'party'>;
  readonly partyId: Id<'party'>;
  readonly state: ReaderState;
  /** The asker's while he waits, then the owner's. */
  readonly reason: string;
  readonly requestedAt: Date | undefined;
  readonly decidedAt: Date | undefined;
};

/** What reading costs a party: nothing, the datanet's price for each record, or he may not. */
export type Standing = 'free' | 'paid' | 'closed';

type OfParty = { readonly datanetId: string; readonly partyId: Id<'party'> };

/** Owners, admins and reviewers read what they are responsible for. */
export async function standingOf(
  db: Db,
  { id, access, ownerId }: Pick<Datanet, 'id' | 'access' | 'ownerId'>,
  caller: Pick<Caller, 'partyId' | 'scopes'>,
): Promise<Standing> {
  if (access === 'open' || ownerId === caller.partyId || isAdmin(caller)) return 'free';
  const [{ may_read }] = await db.query<{ may_read: boolean }>(sql`
    select
      exists (
        select from datanets.readers
        where datanet_id = ${id} and party_id = ${caller.partyId} and state = 'granted')
      or exists (
        select from datanets.reviewers
        where datanet_id = ${id} and party_id = ${caller.partyId}) as may_read`);
  if (may_read) return 'free';
  return access === 'paid' ? 'paid' : 'closed';
}

/** Of the records, those that a party has contributed or owns a part of: everybody reads his own. */
export async function recordsOfParty(
  db: Db,
  { datanetId, partyId }: OfParty,
  recordHashes: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ record_hash: string }>(sql`
    select record_hash
    from datanets.contributions
    where datanet_id = ${datanetId} and record_hash = any(${[...recordHashes]}::text[])
      and (party_id = ${partyId} or owners @> ${JSON.stringify([{ party: partyId }])}::jsonb)`);
  return new Set(rows.map((row) => row.record_hash));
}

/** @throws conflict when he was let in already; a refused one may ask again */
export async function requestReading(
  tx: Tx,
  { datanetId, partyId, reason, at }: OfParty & { readonly reason: string; readonly at: Date },
): Promise<void> {
  const written = await tx.query(sql`
    insert into datanets.readers (datanet_id, party_id, state, reason, requested_at)
    values (${datanetId}, ${partyId}, 'requested', ${reason}, ${at})
    on conflict (datanet_id, party_id) do update
    set state = 'requested', reason = excluded.reason, requested_at = excluded.requested_at,
      decided_at = null, decided_by = null
    where readers.state <> 'granted'
    returning party_id`);
  if (written.length > 0) return;
  throw new OpenLedgerError('conflict', 'You may read this datanet already.', { datanetId });
}

/** Lets a party in, whether or not it has asked, or shuts it out. */
export async function decideReader(
  tx: Tx,
  decision: OfParty & {
    readonly state: 'granted' | 'refused';
    readonly reason: string;
    readonly decidedBy: Id<'party'>;
    readonly at: Date;
  },
): Promise<void> {
  const { datanetId, partyId, state, reason, decidedBy, at } = decision;
  await tx.query(sql`
    insert into datanets.readers (datanet_id, party_id, state, reason, decided_at, decided_by)
    values (${datanetId}, ${partyId}, ${state}, ${reason}, ${at}, ${decidedBy})
    on conflict (datanet_id, party_id) do update
    set state = excluded.state, reason = excluded.reason, decided_at = excluded.decided_at,
      decided_by = excluded.decided_by`);
}

/** undefined for who never asked and was never decided about. */
export async function findReader(
  db: Db,
  { datanetId, partyId }: OfParty,
): Promise<Reader | undefined> {
  const [row] = await db.query<Row>(sql`
    ${columns}
    where datanet_id = ${datanetId} and party_id = ${partyId}`);
  return row && fromRow(row);
}

export async function listReaders(
  db: Db,
  query: {
    readonly datanetId: string;
    readonly state?: ReaderState | undefined;
    readonly limit: number;
    readonly after?: string;
  },
): Promise<readonly Reader[]> {
  const state = query.state ?? null;
  const rows = await db.query<Row>(sql`
    ${columns}
    where datanet_id = ${query.datanetId} and party_id > ${query.after ?? ''}
      and (${state}::text is null or state = ${state})
    order by party_id
    limit ${query.limit}`);
  return rows.map(fromRow);
}

type Row = {
  party_id: Id<'party'>;
  state: ReaderState;
  reason: string;
  requested_at: Date | null;
  decided_at: Date | null;
};

const columns = sql`
  select party_id, state, reason, requested_at, decided_at
  from datanets.readers`;

const fromRow = (row: Row): Reader => ({
  ...{ id: row.party_id, partyId: row.party_id, state: row.state, reason: row.reason },
  requestedAt: row.requested_at ?? undefined,
  decidedAt: row.decided_at ?? undefined,
});
