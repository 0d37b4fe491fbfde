-- Periods end at a sequence of the log, and are sealed. Nothing of them changes afterwards, except that closing becomes sealed.

create table ledger.periods (
  number          integer primary key check (number > 0),
  state           text not null check (state in ('closing', 'sealed')),
  first_sequence  bigint not null,
  last_sequence   bigint not null check (last_sequence >= first_sequence - 1),
  first_batch     bigint not null,
  batch           bigint not null,
  batch_hash      bytea not null,
  closed_at       timestamptz not null,
  -- From here on, what the seal adds: how many accounts, three hashes, and the hash of the whole record.
  accounts        integer,
  batches         bytea,
  root            bytea,
  previous        bytea,
  sealed_at       timestamptz,
  hash            bytea,
  check (state = 'closing' or (accounts is not null and batches is not null and root is not null
                               and previous is not null and sealed_at is not null and hash is not null))
);

-- How far the periods have come, so that one that was deleted or set back is missed: one row.
create table ledger.calendar (
  only_row   boolean primary key default true check (only_row),
  closed     integer not null default 0,
  closed_at  timestamptz,
  sealed     integer not null default 0
);

insert into ledger.calendar default values;

-- The trial balance at each watermark: accounts that did not stand at zero, leaves of the seal's root by their place.
create table ledger.period_balances (
  period   integer not null references ledger.periods,
  place    integer not null,
  account  bigint not null,
  balance  numeric(78, 0) not null check (balance <> 0),
  primary key (period, place)
);

create index period_balances_by_account on ledger.period_balances (account, period);

-- Late events: what was effective at another time than it was posted.
create index transactions_by_effect on ledger.transactions (effective_at) where effective_at is not null;
