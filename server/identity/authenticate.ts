/** From a bearer's secret to who is asking: one indexed read, remembered for a few seconds. */
import type { Id, Scope } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { Caller } from './caller.ts';
import { hashSecret, isSecret } from './keys.ts';

export type Authenticator = {
  /** @returns undefined for a secret that is unknown, revoked or expired */
  authenticate(secret: string): Promise<Caller | undefined>;
  /** Forgets everybody: to be called when a revocation has committed. */
  forget(): void;
};

/** In other processes a revocation takes effect within this time; in this one at once. */
const REMEMBER_MS = 2000;
const REMEMBER_AT_MOST = 10_000;

export function createAuthenticator(reader: Reader, clock: Clock): Authenticator {
  let remembered = new Map<string, { readonly caller: Caller; readonly until: number }>();
  return {
    async authenticate(secret) {
      if (!isSecret(secret)) return undefined;
      const hash = hashSecret(secret);
      const now = clock.now();
      const known = remembered.get(hash);
      if (known && now.getTime() < known.until) return unlessExpired(known.caller, now);

      const memory = remembered; // a `forget` while we read leaves this one behind, and what we put into it
      const caller = await readCaller(reader, hash);
      if (!caller) return undefined;
      if (memory.size >= REMEMBER_AT_MOST) memory.clear();
      memory.set(hash, { caller, until: now.getTime() + REMEMBER_MS });
      return unlessExpired(caller, now);
    },
    forget: () => {
      remembered = new Map();
    },
  };
}

const unlessExpired = (caller: Caller, now: Date): Caller | undefined =>
  caller.expiresAt && caller.expiresAt <= now ? undefined : caller;

type CallerRow = {
  id: Id<'key'>;
  party_id: Id<'party'>;
  scopes: Scope[];
  limit_units: string | null;
  models: string[] | null;
  expires_at: Date | null;
};

async function readCaller(reader: Reader, secretHash: string): Promise<Caller | undefined> {
  const [row] = await reader.query<CallerRow>(sql`
    select id, party_id, scopes, limit_units, models, expires_at
    from identity.keys
    where secret_hash = ${secretHash} and revoked_at is null`);
  return (
    row && {
      keyId: row.id,
      partyId: row.party_id,
      scopes: row.scopes,
      limitUnits: row.limit_units === null ? undefined : BigInt(row.limit_units),
      models: row.models ?? undefined,
      expiresAt: row.expires_at ?? undefined,
    }
  );
}
