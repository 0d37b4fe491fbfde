create schema settlement;

-- The one vault that this ledger belongs to, and how far its events have been read.
create table settlement.vault (
  only_row    boolean primary key default true check (only_row),
  chain_id    bigint not null,
  genesis     text not null,
  token       text not null,
  address     text not null,
  read_block  bigint not null,
  read_hash   text not null
);

-- open -> closing (its credits can be disputed) -> publishing (its leaves are fixed) -> published, revoked after that;
-- or skipped: it needed no root of its own, because nothing was owed or a later epoch's root covers it.
create table settlement.epochs (
  number            bigint primary key check (number > 0),
  state             text not null
                    check (state in ('open', 'closing', 'publishing', 'published', 'revoked', 'skipped')),
  opened_at         timestamptz not null,
  closed_at         timestamptz check (closed_at is not null or state = 'open'),
  root              text check (root is not null or state not in ('publishing', 'published', 'revoked')),
  checkpoint_size   bigint,
  checkpoint_root   text,
  transaction_hash  text,
  active_at         timestamptz
);

create unique index epochs_one_open on settlement.epochs (state) where state = 'open';
create unique index epochs_one_publishing on settlement.epochs (state) where state = 'publishing';

-- What an epoch's root added for a party. An account's leaf is the sum over the epochs that were not revoked.
create table settlement.payouts (
  epoch    bigint not null references settlement.epochs,
  party    text not null,
  account  text not null,
  amount   numeric(78,0) not null check (amount > 0),
  paid     numeric(78,0) not null default 0 check (paid between 0 and amount),
  primary key (epoch, party)
);

create index payouts_account on settlement.payouts (account, epoch);
create index payouts_party on settlement.payouts (party, epoch);

-- Events of the vault that moved money, with the postings they became: fixed before the ledger is told, so that a
-- repeat after a crash tells it the same.
create table settlement.events (
  transaction_hash  text not null,
  log_index         integer not null,
  block_number      bigint not null,
  kind              text not null check (kind in ('deposited', 'claimed', 'revoked')),
  account           text not null,
  amount            numeric(78,0) not null,
  postings          jsonb not null,
  seen_at           timestamptz not null,
  primary key (transaction_hash, log_index)
);

create index events_account on settlement.events (account, block_number);
