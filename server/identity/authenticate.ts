/** From a bearer's secret to who is asking: one indexed read, remembered for a few seconds. */
import type { Id, Scope } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Reader } from '../platform/db.ts';
import { remembered } from '../platform/remembered.ts';
import { prepared, sql } from '../platform/sql.ts';
import type { Caller } from './caller.ts';
import { type LimitRow, limitColumns, toLimits } from './key-limits.ts';
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

/** @param most how many callers are remembered; beyond that the oldest are forgotten */
export function createAuthenticator(
  reader: Reader,
  clock: Clock,
  most = REMEMBER_AT_MOST,
): Authenticator {
  const callers = remembered((hash) => readCaller(reader, hash), {
    ...{ clock, forMs: REMEMBER_MS, most },
  });
  return {
    async authenticate(secret) {
      if (!isSecret(secret)) return undefined;
      const now = clock.now();
      const caller = await callers.of(hashSecret(secret));
      return caller && unlessExpired(caller, now);
    },
    forget: callers.forget,
  };
}

const unlessExpired = (caller: Caller, now: Date): Caller | undefined =>
  caller.expiresAt && caller.expiresAt <= now ? undefined : caller;

type CallerRow = LimitRow & {
  id: Id<'key'>;
  party_id: Id<'party'>;
  scopes: Scope[];
  limit_units: string | null;
  models: string[] | null;
  expires_at: Date | null;
};

async function readCaller(reader: Reader, secretHash: string): Promise<Caller | undefined> {
  const [row] = await reader.query<CallerRow>(
    prepared(
      'identity.caller',
      sql`
        select id, party_id, scopes, limit_units, models, expires_at, ${limitColumns}
        from identity.keys
        where secret_hash = ${secretHash} and revoked_at is null`,
    ),
  );
  return (
    row && {
      keyId: row.id,
      partyId: row.party_id,
      scopes: row.scopes,
      limitUnits: row.limit_units === null ? undefined : BigInt(row.limit_units),
      limits: toLimits(row),
      models: row.models ?? undefined,
      expiresAt: row.expires_at ?? undefined,
    }
  );
}
