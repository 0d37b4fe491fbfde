/** API keys: made, listed, revoked. The secret is shown once and kept nowhere. */
import { hash, randomBytes } from 'node:crypto';
import { type Id, OpenLedgerError, type Scope } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Reader, Tx } from '../platform/db.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { type Caller, isAdmin, type KeyLimits } from './caller.ts';
import { type LimitRow, limitColumns, toLimits, wireModelUnits } from './key-limits.ts';

export type Key = {
  readonly id: Id<'key'>;
  readonly partyId: Id<'party'>;
  readonly label: string;
  readonly hint: string;
  readonly scopes: readonly Scope[];
  readonly limitUnits: bigint | undefined;
  readonly limits: KeyLimits | undefined;
  readonly models: readonly string[] | undefined;
  readonly expiresAt: Date | undefined;
  readonly revokedAt: Date | undefined;
  readonly createdAt: Date;
};

/** What a new key shall be. */
export type KeyOrder = {
  readonly partyId: Id<'party'>;
  readonly label: string;
  readonly scopes: readonly Scope[];
  readonly limitUnits?: bigint;
  readonly limits?: KeyLimits;
  readonly models?: readonly string[];
  readonly expiresAt?: Date;
};

/** 256 random bits behind a prefix that scanners for leaked secrets can look for. */
const SECRET = /^ol_[A-Za-z0-9_-]{43}$/;

export const isSecret = (text: string): boolean => SECRET.test(text);

/** A secret of 256 random bits needs no slow hash. */
export const hashSecret = (secret: string): string => hash('sha256', secret);

/** Makes a key for whoever the order names. Who may order what is `assertMayMake`'s question. */
export async function createKey(
  tx: Tx,
  clock: Clock,
  order: KeyOrder,
  makerKeyId?: Id<'key'>,
): Promise<{ readonly key: Key; readonly secret: string }> {
  const now = clock.now();
  if (order.expiresAt && order.expiresAt <= now) {
    throw new OpenLedgerError('invalid_input', 'The key would already have expired.');
  }
  const [party] = await tx.query(sql`select id from identity.parties where id = ${order.partyId}`);
  if (!party) throw new OpenLedgerError('not_found', `There is no party ${order.partyId}.`);

  const { limits } = order;
  const secret = `ol_${randomBytes(32).toString('base64url')}`;
  const [row] = await tx.query<KeyRow>(sql`
    insert into identity.keys
      (id, party_id, maker_key_id, secret_hash, hint, label, scopes, limit_units, models, expires_at, created_at,
       ${limitColumns})
    values
      (${newId('key', clock)}, ${order.partyId}, ${makerKeyId ?? null}, ${hashSecret(secret)}, ${secret.slice(0, 9)},
       ${order.label}, ${[...new Set(order.scopes)]}::text[], ${order.limitUnits ?? null}, ${order.models ?? null}::text[],
       ${order.expiresAt ?? null}, ${now}, ${limits?.dailyUnits ?? null}, ${wireModelUnits(limits)},
       ${limits?.requestsPerMinute ?? null}, ${limits?.tokensPerMinute ?? null})
    returning ${keyColumns}`);
  return { key: toKey(row), secret };
}

/**
 * A key hands on no more than it has: its own party, its own scopes, and nothing at all where it is itself limited.
 *
 * @throws forbidden
 */
export function assertMayMake(caller: Caller, order: KeyOrder): void {
  if (caller.limitUnits !== undefined || caller.limits || caller.models || caller.expiresAt) {
    throw new OpenLedgerError('forbidden', 'A limited key makes no keys.');
  }
  if (isAdmin(caller)) return;
  if (order.partyId !== caller.partyId) {
    throw new OpenLedgerError('forbidden', "Another party's keys are made by admins.");
  }
  const beyond = order.scopes.filter((scope) => !caller.scopes.includes(scope));
  if (beyond.length > 0) {
    throw new OpenLedgerError('forbidden', `This key cannot hand on ${beyond.join(', ')}.`, {
      beyond,
    });
  }
}

/** @throws not_found, also for another party's key unless the caller is an admin */
export async function findKey(reader: Reader, caller: Caller, keyId: Id<'key'>): Promise<Key> {
  const [row] = await reader.query<KeyRow>(
    sql`select ${keyColumns} from identity.keys where id = ${keyId}`,
  );
  if (!row || (row.party_id !== caller.partyId && !isAdmin(caller))) {
    throw new OpenLedgerError('not_found', `There is no key ${keyId}.`, { keyId });
  }
  return toKey(row);
}

/** Several keys at once, for a stage that keeps their ids. */
export async function findKeys(reader: Reader, keyIds: readonly string[]): Promise<readonly Key[]> {
  const rows = await reader.query<KeyRow>(
    sql`select ${keyColumns} from identity.keys where id = any(${keyIds}::text[]) order by id`,
  );
  return rows.map(toKey);
}

/** The caller's party's keys, or for admins another's. @throws forbidden */
export async function listKeys(
  reader: Reader,
  caller: Caller,
  query: { readonly partyId?: string; readonly limit: number; readonly after?: string },
): Promise<readonly Key[]> {
  const partyId = query.partyId ?? caller.partyId;
  if (partyId !== caller.partyId && !isAdmin(caller)) {
    throw new OpenLedgerError('forbidden', "Another party's keys are seen by admins.");
  }
  const rows = await reader.query<KeyRow>(sql`
    select ${keyColumns}
    from identity.keys
    where party_id = ${partyId} and id > ${query.after ?? ''}
    order by id
    limit ${query.limit}`);
  return rows.map(toKey);
}

/**
 * Revokes a key and every key of the same party that was made with it, directly or through others: whoever stole
 * the one may have made the rest. Revoking again changes nothing.
 */
export async function revokeKey(tx: Tx, clock: Clock, keyId: Id<'key'>): Promise<void> {
  await tx.query(sql`
    with recursive made as (
      select id, party_id from identity.keys where id = ${keyId}
      union
      select child.id, child.party_id
      from identity.keys child
      join made on child.maker_key_id = made.id and child.party_id = made.party_id
    )
    update identity.keys
    set revoked_at = ${clock.now()}
    where id in (select id from made) and revoked_at is null`);
}

type KeyRow = LimitRow & {
  id: Id<'key'>;
  party_id: Id<'party'>;
  label: string;
  hint: string;
  scopes: Scope[];
  limit_units: string | null;
  models: string[] | null;
  expires_at: Date | null;
  revoked_at: Date | null;
  created_at: Date;
};

const keyColumns = sql`
  id, party_id, label, hint, scopes, limit_units, models, expires_at, revoked_at, created_at, ${limitColumns}`;

const toKey = (row: KeyRow): Key => ({
  id: row.id,
  partyId: row.party_id,
  label: row.label,
  hint: row.hint,
  scopes: row.scopes,
  limitUnits: row.limit_units === null ? undefined : BigInt(row.limit_units),
  limits: toLimits(row),
  models: row.models ?? undefined,
  expiresAt: row.expires_at ?? undefined,
  revokedAt: row.revoked_at ?? undefined,
  createdAt: row.created_at,
});
