create schema gateway;

-- Who executes. A local engine has no address.
create table gateway.operators (
  name        text primary key,
  kind        text not null check (kind in ('local', 'openai')),
  party_id    text not null,
  base_url    text,
  api_key     text,
  created_at  timestamptz not null default now(),
  check ((kind = 'openai') = (base_url is not null))
);

-- One metered, paid call. `held` -> `served` or `void`, exactly once.
create table gateway.inferences (
  id                 text primary key,
  payer_id           text not null,
  key_id             text not null,
  served_by          text not null,                       -- the process, for as long as it is held
  model              text not null,
  operator           text not null references gateway.operators (name),
  status             text not null check (status in ('held', 'served', 'void')),
  route              jsonb not null,                      -- parties, snapshots and prices as they were when it was served
  request            text not null,                       -- what the client sent, as canonical JSON
  client_texts       text[] not null,
  retrieved          jsonb not null default '[]',
  held_units         numeric(78, 0) not null,
  output             text,
  finish_reason      text,
  prompt_tokens      integer,
  completion_tokens  integer,
  estimated          boolean,
  price_units        numeric(78, 0),
  created_at         timestamptz not null,
  served_at          timestamptz,
  captured_at        timestamptz,                         -- its price has left the hold
  check (status <> 'served' or (output is not null and price_units is not null and served_at is not null))
) with (fillfactor = 80);

create index inferences_by_payer on gateway.inferences (payer_id, id);
create index inferences_held on gateway.inferences (created_at) where status = 'held';
create index inferences_uncaptured on gateway.inferences (created_at) where status = 'served' and captured_at is null;

-- What a key with a spending limit has spent and promised.
create table gateway.key_spending (
  key_id          text primary key,
  spent_units     numeric(78, 0) not null default 0 check (spent_units >= 0),
  reserved_units  numeric(78, 0) not null default 0 check (reserved_units >= 0)
);
