-- The ledger's tables. Only the writer changes them; every change is one statement, fenced by ledger.writer. The inbox is
-- the one exception: there other processes leave their wishes for the writer.

create schema ledger;

-- The head of the log: one row. A batch names the term and the sequence it builds on, or changes nothing.
create table ledger.writer (
  only_row  boolean primary key default true check (only_row),
  term      bigint not null default 0,
  batch     bigint not null default 0,
  sequence  bigint not null default 0,
  account   bigint not null default 0,
  hash      bytea  not null default decode(repeat('00', 32), 'hex')
) with (fillfactor = 10);

insert into ledger.writer default values;

-- Each term that was ever begun, whether it wrote or not.
create table ledger.terms (term bigint primary key);

-- Group commits, chained: hash = SHA-256(previous | term | first_sequence | root).
create table ledger.batches (
  number          bigint primary key,
  term            bigint not null,
  first_sequence  bigint not null,
  count           integer not null check (count > 0),
  previous        bytea not null,
  root            bytea not null,
  hash            bytea not null
);

create index batches_by_sequence on ledger.batches (first_sequence);

-- The log. Legs are account numbers and units, by payer: 17>4:250,9:50 is 250 from 17 to 4 and 50 from 17 to 9.
-- Never updated, never deleted. The id is the idempotency key, and partitions follow its time, so that it is unique over all.
create table ledger.transactions (
  id            uuid not null primary key,
  sequence      bigint not null,
  at            timestamptz not null,
  effective_at  timestamptz,
  expires_at    timestamptz,
  hold          uuid,
  reverses      uuid,
  token         integer,
  kind          text not null check (kind in ('post', 'hold', 'lease', 'renew', 'draw', 'capture', 'release', 'expire', 'reverse')),
  reason        text not null,
  reference     text,
  legs          text not null
) partition by range (id);

create index transactions_by_sequence on ledger.transactions (sequence);
create index transactions_by_reversed on ledger.transactions (reverses) where reverses is not null;

-- Ids of no month that has a partition; the writer makes the months' partitions (ledger.transactions_2026_11, ...) ahead.
create table ledger.transactions_other partition of ledger.transactions default;

-- What a transaction's legs change: a row for each end of each leg.
create function ledger.sides(legs text) returns table (account bigint, amount numeric)
language sql immutable strict parallel safe
as $$
  select side.account, side.amount
  from string_to_table(legs, ';') as payer(part),
       string_to_table(split_part(payer.part, '>', 2), ',') as leg(part),
       lateral (values
         (split_part(payer.part, '>', 1)::bigint, -split_part(leg.part, ':', 2)::numeric),
         (split_part(leg.part, ':', 1)::bigint, split_part(leg.part, ':', 2)::numeric)
       ) as side(account, amount)
$$;

-- One row an account and asset. Only the balance ever changes, and no index covers it, so updates stay on their page.
create table ledger.accounts (
  number   bigint primary key,
  name     text collate "C" not null,
  asset    text collate "C" not null,
  balance  numeric(78, 0) not null,
  unique (name, asset),
  constraint floor check (balance >= 0 or name like 'external:%')
) with (fillfactor = 50);

create index accounts_by_suffix on ledger.accounts (reverse(name) text_pattern_ops);

-- Open holds and leases only; the log remembers the ended ones. A lease has a token and is drawn from many times.
create table ledger.holds (
  id          uuid primary key,
  source      bigint not null,
  held        bigint not null,
  amount      numeric(78, 0) not null check (amount > 0 or token is not null),
  expires_at  timestamptz not null,
  token       integer
) with (fillfactor = 50);

create index holds_by_expiry on ledger.holds (expires_at);

-- History by account, written by the follower behind the log: which transactions touched it, a chunk for each stretch that
-- was followed at once, as offsets from its first one, which is 0; and where it stood after the last.
create table ledger.entries (
  account         bigint not null,
  first_sequence  bigint not null,
  closing         numeric(78, 0) not null,
  offsets         smallint[] not null,
  primary key (account, first_sequence)
);

create table ledger.follower (
  only_row  boolean primary key default true check (only_row),
  sequence  bigint not null default 0
);

insert into ledger.follower default values;

-- Wishes of other processes, and what became of them. Unlogged: what a crash empties was never acknowledged, and whoever
-- waits for it asks again with the same id.
create unlogged table ledger.inbox (
  number    bigint generated always as identity primary key,
  commands  jsonb not null, -- several that were wished at once
  left_at   timestamptz not null default now(),
  outcomes  jsonb           -- one a command
);

create index inbox_open on ledger.inbox (number) where outcomes is null;
