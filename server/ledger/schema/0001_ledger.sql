-- The ledger's tables. Only the writer changes them; every change is one statement, fenced by ledger.writer.

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

-- The log. Posting i moves amounts[i] from account froms[i] to account tos[i]. Never updated, never deleted.
create table ledger.transactions (
  sequence         bigint primary key,
  id               uuid not null unique,
  at               timestamptz not null,
  effective_at     timestamptz,
  expires_at       timestamptz,
  hold             uuid,
  reverses         uuid,
  kind             text not null check (kind in ('post', 'hold', 'capture', 'release', 'expire', 'reverse')),
  idempotency_key  text collate "C" not null unique,
  payload          bytea not null,
  reason           text not null,
  reference        text,
  froms            bigint[] not null,
  tos              bigint[] not null,
  amounts          numeric(78, 0)[] not null
);

create index transactions_by_reversed on ledger.transactions (reverses) where reverses is not null;

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

-- Open holds only; the log remembers the ended ones.
create table ledger.holds (
  id          uuid primary key,
  source      bigint not null,
  held        bigint not null,
  amount      numeric(78, 0) not null check (amount > 0),
  expires_at  timestamptz not null
);

-- History by account, written by the follower behind the log. One row an account and transaction.
create table ledger.entries (
  account   bigint not null,
  sequence  bigint not null,
  amount    numeric(78, 0) not null,
  balance   numeric(78, 0) not null,
  primary key (account, sequence)
);

create table ledger.follower (
  only_row  boolean primary key default true check (only_row),
  sequence  bigint not null default 0
);

insert into ledger.follower default values;
