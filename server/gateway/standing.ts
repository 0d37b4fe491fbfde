/** Where a key stands with its limits, as the tables have it: read, or with a call counted in. */
import type { Reader, Tx } from '../platform/db.ts';
import { prepared, type Sql, sql } from '../platform/sql.ts';
import { dayOf, type Limited, modelLimit, PARTS, type Standing, type Wish } from './refusal.ts';

/** Counts a wish in, whatever the limits are, and locks the key until the transaction ends. */
export async function take(tx: Tx, key: Limited, wish: Wish): Promise<Standing> {
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
export async function standingWith(reader: Reader, key: Limited, wish: Wish): Promise<Standing> {
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

type Row = {
  taken: string;
  day_taken: string | null;
  model_taken: string | null;
  requests_level: string;
  tokens_level: string;
  tokens_reserved: string;
};

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

export const requests: Bucket = {
  level: sql`held.requests_level`,
  perMinute: sql`held.requests_per_minute`,
};
export const tokens: Bucket = {
  level: sql`held.tokens_level`,
  perMinute: sql`held.tokens_per_minute`,
};

/** A bucket's level at a time. In a minute it is empty, whatever it was; nothing drains for a clock that is behind. */
export const drained = ({ level, perMinute }: Bucket, at: Date | null): Sql => sql`
  greatest(0, ${level} - coalesce(${perMinute}, 0)::bigint
    * coalesce(least(60000, greatest(0, extract(epoch from ${at}::timestamptz - held.rated_at) * 1000)), 0)::bigint)`;
