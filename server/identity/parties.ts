/** Parties: one row for each identity, found or made, never merged. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Reader, Tx } from '../platform/db.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { type ParsedIdentity, type PartyKind, parseIdentity } from './parse-identity.ts';

/** An address in lower case. */
export type Wallet = `0x${string}`;

export type Party = {
  readonly id: Id<'party'>;
  readonly identity: string;
  readonly kind: PartyKind;
  readonly displayName: string | undefined;
  readonly hints: Readonly<Record<string, unknown>>;
  /** Where its earnings go, its holder's where a claim was granted. */
  readonly wallet: Wallet | undefined;
  readonly holderId: Id<'party'> | undefined;
  readonly createdAt: Date;
};

/** Somebody named in an import, a key or a claim. */
export type Mention = {
  readonly identity: string;
  readonly displayName?: string;
  readonly hints?: Readonly<Record<string, unknown>>;
};

/**
 * Finds or makes the parties of many mentions in three statements.
 *
 * The first mention's name and hints stay: a later import cannot rewrite what was known of somebody.
 *
 * @returns party ids by identity, spelled as in the mentions
 * @throws invalid_input when an identity is malformed or is local
 */
export async function resolveParties(
  tx: Tx,
  clock: Clock,
  mentions: readonly Mention[],
): Promise<ReadonlyMap<string, Id<'party'>>> {
  const parsed = mentions.map((mention) => ({ ...mention, ...parseIdentity(mention.identity) }));
  for (const { kind, identity } of parsed) {
    if (kind === 'local') {
      throw new OpenLedgerError('invalid_input', `${identity} belongs to this installation.`);
    }
  }
  const ids = await insertParties(tx, clock, parsed);
  return new Map(mentions.map((mention, i) => [mention.identity, ids.get(parsed[i].identity)!]));
}

/** As `resolveParties`, for identities that are already in their one spelling. Inserts in identity order, so that two never wait for each other. */
export async function insertParties(
  tx: Tx,
  clock: Clock,
  mentions: readonly (Mention & ParsedIdentity)[],
): Promise<ReadonlyMap<string, Id<'party'>>> {
  const distinct = [...new Map([...mentions].reverse().map((one) => [one.identity, one])).values()];
  distinct.sort((a, b) => (a.identity < b.identity ? -1 : 1));
  const now = clock.now();
  await tx.query(sql`
    insert into identity.parties (id, identity, kind, display_name, hints, created_at)
    select id, identity, kind, display_name, hints::jsonb, ${now}
    from unnest(
      ${distinct.map(() => newId('party', clock))}::text[],
      ${distinct.map(({ identity }) => identity)}::text[],
      ${distinct.map(({ kind }) => kind)}::text[],
      ${distinct.map(({ displayName }) => displayName ?? null)}::text[],
      ${distinct.map(({ hints }) => JSON.stringify(hints ?? {}))}::text[]
    ) as mention (id, identity, kind, display_name, hints)
    on conflict (identity) do nothing`);
  const rows = await tx.query<{ id: Id<'party'>; identity: string }>(sql`
    select id, identity
    from identity.parties
    where identity = any(${distinct.map(({ identity }) => identity)}::text[])`);
  const ids = new Map(rows.map(({ identity, id }) => [identity, id]));
  await ownWallets(
    tx,
    distinct.filter(({ kind }) => kind === 'eip155').map(({ identity }) => ids.get(identity)!),
    now,
  );
  return ids;
}

/** A party that is named by an address receives there until it binds another wallet. */
async function ownWallets(tx: Tx, partyIds: readonly string[], now: Date): Promise<void> {
  if (partyIds.length === 0) return;
  await tx.query(sql`
    insert into identity.wallets (party_id, address, bound_at)
    select id, substr(identity, 8), ${now}
    from identity.parties party
    where id = any(${partyIds}::text[])
      and not exists (select from identity.wallets where party_id = party.id)
    on conflict do nothing`);
}

/** @throws not_found */
export async function findParty(reader: Reader, partyId: string): Promise<Party> {
  const [row] = await reader.query<PartyRow>(sql`${partyColumns} where party.id = ${partyId}`);
  if (!row) throw new OpenLedgerError('not_found', `There is no party ${partyId}.`, { partyId });
  return toParty(row);
}

/** Several at once; ids that nobody has are left out. */
export async function findParties(
  reader: Reader,
  partyIds: readonly string[],
): Promise<readonly Party[]> {
  const rows = await reader.query<PartyRow>(
    sql`${partyColumns} where party.id = any(${partyIds}::text[]) order by party.id`,
  );
  return rows.map(toParty);
}

export type PartyQuery = {
  readonly identity?: string;
  readonly kind?: PartyKind;
  readonly limit: number;
  readonly after?: string;
};

export async function listParties(reader: Reader, query: PartyQuery): Promise<readonly Party[]> {
  const identity = query.identity === undefined ? null : parseIdentity(query.identity).identity;
  const rows = await reader.query<PartyRow>(sql`
    ${partyColumns}
    where (${identity}::text is null or party.identity = ${identity})
      and (${query.kind ?? null}::text is null or party.kind = ${query.kind ?? null})
      and party.id > ${query.after ?? ''}
    order by party.id
    limit ${query.limit}`);
  return rows.map(toParty);
}

/** The wallet in force of each party that has one: its holder's, or its own. */
export async function walletsOf(
  reader: Reader,
  partyIds: readonly string[],
): Promise<ReadonlyMap<string, Wallet>> {
  const parties = await findParties(reader, partyIds);
  return new Map(parties.flatMap(({ id, wallet }) => (wallet ? [[id, wallet] as const] : [])));
}

type PartyRow = {
  id: Id<'party'>;
  identity: string;
  kind: PartyKind;
  display_name: string | null;
  hints: Record<string, unknown>;
  wallet: Wallet | null;
  holder_id: Id<'party'> | null;
  created_at: Date;
};

const partyColumns = sql`
  select party.id, party.identity, party.kind, party.display_name, party.hints, party.created_at,
         claim.claimant_id as holder_id, wallet.address as wallet
  from identity.parties party
  left join identity.claims claim
    on claim.party_id = party.id and claim.state = 'granted'
  left join identity.wallets wallet
    on wallet.party_id = coalesce(claim.claimant_id, party.id) and wallet.replaced_at is null`;

const toParty = (row: PartyRow): Party => ({
  id: row.id,
  identity: row.identity,
  kind: row.kind,
  displayName: row.display_name ?? undefined,
  hints: row.hints,
  wallet: row.wallet ?? undefined,
  holderId: row.holder_id ?? undefined,
  createdAt: row.created_at,
});
