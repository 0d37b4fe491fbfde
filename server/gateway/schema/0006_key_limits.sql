-- Rates of a key, as two buckets that fill by use and drain evenly. A level counts 60,000ths of a request or a token, so that
-- what drains in a millisecond is the limit a minute itself, and nothing is ever rounded.
alter table gateway.key_spending
  add column requests_per_minute  integer,                -- the key's own, by which the bucket drains; null: no limit
  add column tokens_per_minute    integer,
  add column requests_level       bigint not null default 0 check (requests_level >= 0),
  add column tokens_level         bigint not null default 0 check (tokens_level >= 0),
  add column tokens_reserved      bigint not null default 0 check (tokens_reserved >= 0), -- whole tokens of calls under way
  add column rated_at             timestamptz not null default 'epoch',                   -- as of when the levels are
  set (fillfactor = 70);

-- What a key has spent and promised of its budget for a day (UTC), and of its budget for a model.
create table gateway.key_budgets (
  key_id          text not null,
  scope           text not null check (scope in ('day', 'model')),
  name            text not null,                          -- the date, or the model's name
  spent_units     numeric(78, 0) not null default 0 check (spent_units >= 0),
  reserved_units  numeric(78, 0) not null default 0 check (reserved_units >= 0),
  primary key (key_id, scope, name)
) with (fillfactor = 70);

create index key_budgets_by_day on gateway.key_budgets (name) where scope = 'day';

-- The tokens that are reserved of its key's limits; null: its key has no limits, and nothing is to be given back.
alter table gateway.inferences add column held_tokens bigint;

update gateway.inferences
set held_tokens = 0
where status = 'held' and key_id in (select key_id from gateway.key_spending);
