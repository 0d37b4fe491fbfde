create schema fees;

-- The epochs into which credits fall. Exactly one is open.
create table fees.epochs (
  number     integer primary key,
  closed_at  timestamptz
);

create unique index epochs_open on fees.epochs ((true)) where closed_at is null;

insert into fees.epochs (number) values (1);

-- What the follower has told the ledger, or is about to: recorded first, posted after, and posted again alike.
create table fees.batches (
  id          bigint generated always as identity primary key,
  epoch       integer not null references fees.epochs (number),
  reason      text not null check (reason in ('fees.credited', 'fees.folded', 'fees.reversed')),
  postings    jsonb not null,          -- [{ from, to, amount }], amounts as decimal strings
  control     numeric(78, 0) not null, -- what the postings change the control account by
  recorded_at timestamptz not null default date_trunc('milliseconds', now()),
  posted_at   timestamptz
);

create index batches_unposted on fees.batches (id) where posted_at is null;

-- One price, split: its direct legs, and the share vector over its data leg.
create table fees.routings (
  sequence        bigint generated always as identity primary key,
  inference_id    text not null unique,
  epoch           integer not null references fees.epochs (number),
  policy_hash     text not null,
  units           numeric(78, 0) not null check (units >= 0),
  data_units      numeric(78, 0) not null check (data_units between 0 and units),
  legs            jsonb not null,             -- [{ role, account, amount }], amounts as decimal strings
  earners         text[] not null,            -- parties of the direct legs
  share_to        text[] not null,
  share_weights   numeric(20, 0)[] not null,
  served_at       timestamptz not null,
  routed_at       timestamptz not null,
  transaction_id  text,
  is_posted       boolean not null default false,
  batch_id        bigint references fees.batches (id),
  reversal_id     bigint references fees.batches (id),
  check (cardinality(share_to) = cardinality(share_weights))
) with (fillfactor = 80);

create index routings_unposted on fees.routings (epoch) where not is_posted;
create index routings_uncredited on fees.routings (epoch, sequence) where is_posted and batch_id is null;
create index routings_by_share on fees.routings using gin (share_to);
create index routings_by_earner on fees.routings using gin (earners);

-- Running sums of amount * weight, in 2^-64 units, and the whole units credited of them.
create table fees.entitlements (
  payee     text primary key,
  entitled  numeric(100, 0) not null,
  credited  numeric(78, 0) not null
) with (fillfactor = 70);

-- What pools have taken in, epoch by epoch, in 2^-64 units.
create table fees.pool_epochs (
  pool       text not null,
  epoch      integer not null references fees.epochs (number),
  sub_units  numeric(100, 0) not null,
  folded_in  bigint references fees.batches (id),
  primary key (pool, epoch)
);

-- What of a pool's folded total no member has: fewer sub-units than it has members.
create table fees.pools (
  pool       text primary key,
  folded     numeric(100, 0) not null,
  remainder  numeric(100, 0) not null
);
