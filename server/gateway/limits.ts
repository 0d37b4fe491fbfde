/**
 * A key's limits, held under any concurrency and over all gateways: what is promised and used together never passes them.
 *
 * Money is promised at the most that a call may cost and settled at what it did cost. Rates are token buckets of one minute's
 * worth that drain all the time, evenly: a request counts when it is let in; tokens are reserved at the most that a call may
 * have, do not drain while it is under way, and count when it has ended, by what it really had. So in t seconds never more than
 * limit * (1 + t / 60) are used. Time is the gateways' own clock; the one that is ahead of the others counts.
 *
 * A key's row is locked before its budgets, always, so that nobody waits for each other.
 */

import type { Reader, Tx } from '../platform/db.ts';
import { prepared, sql } from '../platform/sql.ts';
import type { Usage } from './price.ts';
import {
  dayOf,
  type Limited,
  PARTS,
  type Rates,
  ratesOf,
  refusalOf,
  type Wish,
} from './refusal.ts';
import { drained, requests, standingWith, take, tokens } from './standing.ts';

/** A call as its key's limits are concerned. */
export type LimitedCall = {
  readonly caller: Limited;
  readonly createdAt: Date;
  readonly heldUnits: bigint;
  readonly atMost: Usage;
  readonly route: { readonly model: string };
};

/** Keys without limits are never looked up. */
export const isLimited = ({ limitUnits, limits }: Limited): boolean =>
  limitUnits !== undefined || limits !== undefined;

export const tokensOf = ({ promptTokens, completionTokens }: Usage): number =>
  promptTokens + completionTokens;

const wishOf = ({ createdAt, heldUnits, atMost, route }: LimitedCall): Wish => ({
  ...{ units: heldUnits, requests: 1, tokens: tokensOf(atMost), model: route.model, at: createdAt },
});

/**
 * Refuses what would be refused now, and promises nothing: so that a key that asks too much costs one read, and takes none of
 * its party's money in the meantime.
 *
 * @throws insufficient_funds, rate_limited, too_large
 */
export async function assertWithinLimits(reader: Reader, call: LimitedCall): Promise<void> {
  if (!isLimited(call.caller)) return;
  const wish = wishOf(call);
  const refusal = refusalOf(await standingWith(reader, call.caller, wish), call.caller, wish);
  if (refusal) throw refusal;
}

/**
 * Promises a call what it may take at most.
 *
 * @returns what is left of the key's rates
 * @throws insufficient_funds, rate_limited, too_large: then the transaction must be rolled back
 */
export const reserveLimits = (tx: Tx, call: LimitedCall): Promise<Rates | undefined> =>
  reserve(tx, call.caller, wishOf(call));

async function reserve(tx: Tx, key: Limited, wish: Wish): Promise<Rates | undefined> {
  if (!isLimited(key)) return undefined;
  const standing = await take(tx, key, wish);
  const refusal = refusalOf(standing, key, wish);
  if (refusal) throw refusal;
  return ratesOf(standing, key);
}

/** What one promise comes to. */
export type Settlement = {
  readonly keyId: string;
  /** When it was promised. */
  readonly createdAt: Date;
  readonly model?: string;
  readonly reserved: bigint;
  readonly spent: bigint;
  readonly tokensReserved?: number;
  /** Absent: nothing was used. */
  readonly used?: { readonly tokens: number; readonly at: Date };
  /** It was let in and refused after all: as if it had not asked, but for what has drained of it since. */
  readonly isRefused?: { readonly at: Date };
};

/** Ends a promise: what was used of it stays counted, the rest is free again. */
export async function settleLimits(tx: Tx, settlement: Settlement): Promise<void> {
  const { keyId, createdAt, model, reserved, spent, tokensReserved = 0, used } = settlement;
  const at = (used ?? settlement.isRefused)?.at ?? null;
  const sinceMs = settlement.isRefused ? Math.max(0, at!.getTime() - createdAt.getTime()) : null;
  await tx.query(
    prepared(
      'gateway.settle-limits',
      sql`
        with key as (
          update gateway.key_spending held
          set reserved_units = reserved_units - ${reserved}, spent_units = spent_units + ${spent},
              tokens_reserved = tokens_reserved - ${tokensReserved},
              requests_level = greatest(0, ${drained(requests, at)}
                - coalesce(greatest(0, ${PARTS} - requests_per_minute::bigint * ${sinceMs}), 0)),
              tokens_level = ${drained(tokens, at)}
                + case when tokens_per_minute is null then 0 else ${PARTS}::bigint * ${used?.tokens ?? 0} end,
              rated_at = greatest(rated_at, ${at})
          where key_id = ${keyId}
          returning key_id
        )
        update gateway.key_budgets budget
        set reserved_units = reserved_units - ${reserved}, spent_units = spent_units + ${spent}
        from key
        where budget.key_id = key.key_id
          and (scope, name) in (('day', ${dayOf(createdAt)}), ('model', ${model ?? null}))`,
    ),
  );
}

/**
 * Counts what is spent at once, beside calls; negative units are given back.
 *
 * @param key who gives back need not know its limits
 * @param at when it was spent
 * @throws insufficient_funds
 */
export async function spend(
  tx: Tx,
  key: Limited,
  { units, at }: { readonly units: bigint; readonly at: Date },
): Promise<void> {
  const reserved = units > 0n ? units : 0n;
  if (reserved > 0n) {
    if (!isLimited(key)) return;
    await reserve(tx, key, { units, at, requests: 0, tokens: 0, model: undefined });
  }
  await settleLimits(tx, { keyId: key.keyId, createdAt: at, reserved, spent: units });
}

/** Forgets the budgets of days that are over. */
export async function forgetDays(tx: Tx, before: Date): Promise<void> {
  await tx.query(sql`
    delete from gateway.key_budgets
    where scope = 'day' and name < ${dayOf(before)}`);
}
