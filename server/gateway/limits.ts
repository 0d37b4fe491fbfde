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
import { prepared, type Sql, sql } from '../platform/sql.ts';
import type { Usage } from './price.ts';
import {
  dayOf,
  type Limited,
  modelLimit,
  PARTS,
  type Rates,
  ratesOf,
  refusalOf,
  type Standing,
  type Wish,
} from './refusal.ts';

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

type Row = {
  taken: string;
  day_taken: string | null;
  model_taken: string | null;
  requests_level: string;
  tokens_level: string;
  tokens_reserved: string;
};

/** Counts a wish in, whatever the limits are, and locks the key until the transaction ends. */
async function take(tx: Tx, key: Limited, wish: Wish): Promise<Standing> {
  const { units, at } = wish;
  const { scopes, names } = budgetsOf(key, wish);
  const { requestsPerMinute = null, tokensPerMinute = null } = key.limits ?? {};
  const [row] = await tx.query<Row>(
    prepared(
      'gateway.take-limits',
      sql`
        with key as (
          insert into gateway.key_spending as held
            (key_id, reserved_units, requests_per_minute, tokens_per_minute, requests_level, tokens_reserved, rated_at)
          values
            (${key.keyId}, ${units}, ${requestsPerMinute}, ${tokensPerMinute},
             ${requestsPerMinute === null ? 0 : wish.requests * PARTS}, ${wish.tokens}, ${at})
          on conflict (key_id) do update
          set reserved_units = held.reserved_units + excluded.reserved_units,
              requests_per_minute = excluded.requests_per_minute,
              tokens_per_minute = excluded.tokens_per_minute,
              requests_level = ${drained(requests, at)} + excluded.requests_level,
              tokens_level = ${drained(tokens, at)},
              tokens_reserved = held.tokens_reserved + excluded.tokens_reserved,
              rated_at = greatest(held.rated_at, excluded.rated_at)
          returning key_id, spent_units + reserved_units as taken, requests_level, tokens_level, tokens_reserved
        ), budgets as (
          insert into gateway.key_budgets as held (key_id, scope, name, reserved_units)
          select key.key_id, wish.scope, wish.name, ${units}::numeric
          from key, unnest(${scopes}::text[], ${names}::text[]) as wish (scope, name)
          on conflict (key_id, scope, name) do update
          set reserved_units = held.reserved_units + excluded.reserved_units
          returning scope, spent_units + reserved_units as taken
        )
        select taken, requests_level, tokens_level, tokens_reserved,
               (select taken from budgets where scope = 'day') as day_taken,
               (select taken from budgets where scope = 'model') as model_taken
        from key`,
    ),
  );
  return standingOf(row);
}

/** Where the key would stand with this wish. */
async function standingWith(reader: Reader, key: Limited, wish: Wish): Promise<Standing> {
  const { at } = wish;
  const budget = (scope: string, name: string | null) => sql`(
    select spent_units + reserved_units
    from gateway.key_budgets budget
    where budget.key_id = held.key_id and scope = ${scope} and name = ${name})`;
  const [row] = await reader.query<Row>(
    prepared(
      'gateway.read-limits',
      sql`
        select spent_units + reserved_units as taken, tokens_reserved,
               ${drained(requests, at)} as requests_level, ${drained(tokens, at)} as tokens_level,
               ${budget('day', dayOf(at))} as day_taken, ${budget('model', wish.model ?? null)} as model_taken
        from gateway.key_spending held
        where key_id = ${key.keyId}`,
    ),
  );
  const now = row && standingOf(row);
  return {
    taken: (now?.taken ?? 0n) + wish.units,
    dayTaken: (now?.dayTaken ?? 0n) + wish.units,
    modelTaken: (now?.modelTaken ?? 0n) + wish.units,
    requestsLevel: (now?.requestsLevel ?? 0) + wish.requests * PARTS,
    tokensLevel: now?.tokensLevel ?? 0,
    tokensReserved: (now?.tokensReserved ?? 0) + wish.tokens,
  };
}

/** Levels stay below 2^53: 60,000 times a billion. */
const standingOf = (row: Row): Standing => ({
  taken: BigInt(row.taken),
  dayTaken: BigInt(row.day_taken ?? 0),
  modelTaken: BigInt(row.model_taken ?? 0),
  requestsLevel: Number(row.requests_level),
  tokensLevel: Number(row.tokens_level),
  tokensReserved: Number(row.tokens_reserved),
});

/** The budgets that a key has for a wish: none are kept that it has not. */
function budgetsOf({ limits }: Limited, { model, at }: Wish) {
  const budgets = [
    ...(limits?.dailyUnits === undefined ? [] : [{ scope: 'day', name: dayOf(at) }]),
    ...(modelLimit(limits, model) === undefined ? [] : [{ scope: 'model', name: model }]),
  ];
  return { scopes: budgets.map(({ scope }) => scope), names: budgets.map(({ name }) => name) };
}

type Bucket = { readonly level: Sql; readonly perMinute: Sql };

const requests: Bucket = {
  level: sql`held.requests_level`,
  perMinute: sql`held.requests_per_minute`,
};
const tokens: Bucket = { level: sql`held.tokens_level`, perMinute: sql`held.tokens_per_minute` };

/** A bucket's level at a time. In a minute it is empty, whatever it was; nothing drains for a clock that is behind. */
const drained = ({ level, perMinute }: Bucket, at: Date | null): Sql => sql`
  greatest(0, ${level} - coalesce(${perMinute}, 0)::bigint
    * coalesce(least(60000, greatest(0, extract(epoch from ${at}::timestamptz - held.rated_at) * 1000)), 0)::bigint)`;
