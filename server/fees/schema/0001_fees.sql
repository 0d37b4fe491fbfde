create schema fees;

-- The epochs into which credits fall. Exactly one is open. Closed ones mature in order: then their pools are folded, and
-- what stands in their pending accounts is settlement's.
create table fees.epochs (
  number      integer primary key,
  closed_at   timestamptz,
  matured_at  timestamptz check (matured_at is null or closed_at is not null)
);

create unique index epochs_open on fees.epochs ((true)) where closed_at is null;

insert into fees.epochs (number) values (1);

-- What the ledger was told, or is about to be: recorded first, posted after, and posted again alike. A tentative batch is
-- a correction's: the ledger may refuse it, and then it is forgotten.
create table fees.batches (
  id            bigint generated always as identity primary key,
  epoch         integer not null references fees.epochs (number),
  reason        text not null check (reason in
                  ('fees.credited', 'fees.folded', 'fees.refunded', 'fees.reallocated', 'fees.netted')),
  reference     text,                    -- what it belongs to, where that is one thing
  postings      jsonb not null,          -- [{ from, to, amount, asset? }], amounts as decimal strings
  control       numeric(78, 0) not null, -- what the postings change the control account by
  recorded_at   timestamptz not null,
  is_tentative  boolean not null,
  posted_at     timestamptz
);

create index batches_unposted on fees.batches (id) where posted_at is null;

-- Share vectors, each written once: the one that was attributed (reallocation_id is null), and better ones after it. They
-- stand apart from the routings because those are updated, and each update would index 200 names again.
create table fees.vectors (
  id               bigint generated always as identity primary key,
  sale_id     text not null,
  reallocation_id  text,
  share_to         text[] not null,
  share_weights    numeric(20, 0)[] not null,
  check (cardinality(share_to) = cardinality(share_weights))
);

create unique index vectors_names on fees.vectors (sale_id, coalesce(reallocation_id, ''));
create index vectors_by_share on fees.vectors using gin (share_to);

-- One price, split: its direct legs, the vector over its data leg, and what was refunded of them.
create table fees.routings (
  sequence        bigint generated always as identity primary key,
  sale_id    text not null unique,
  epoch           integer not null references fees.epochs (number),
  policy_hash     text not null,
  payer_id        text not null,
  operator_id     text not null,
  units           numeric(78, 0) not null check (units >= 0),
  data_units      numeric(78, 0) not null check (data_units between 0 and units),
  legs            jsonb not null,             -- [{ role, account, amount }], amounts as decimal strings
  refunded        numeric(78, 0)[] not null,  -- of each leg
  refunded_units  numeric(78, 0) not null default 0 check (refunded_units between 0 and units),
  refunded_data   numeric(78, 0) not null default 0 check (refunded_data between 0 and data_units),
  earners         text[] not null,            -- parties of the direct legs
  vector_id       bigint not null references fees.vectors (id), -- the newest
  served_at       timestamptz not null,
  routed_at       timestamptz not null,
  transaction_id  text,
  is_posted       boolean not null default false,
  batch_id        bigint references fees.batches (id)
) with (fillfactor = 80);

create index routings_unposted on fees.routings (epoch) where not is_posted;
create index routings_uncredited on fees.routings (epoch, sequence) where is_posted and batch_id is null;
create index routings_by_vector on fees.routings (vector_id);
create index routings_by_earner on fees.routings using gin (earners);

-- Running sums of amount * weight, in 2^-64 units, and the whole units credited of them.
create table fees.entitlements (
  payee     text primary key,
  entitled  numeric(100, 0) not null,
  credited  numeric(78, 0) not null
) with (fillfactor = 70);

-- What pools have taken in, epoch by epoch, in 2^-64 units; folded when the epoch matures.
create table fees.pool_epochs (
  pool       text not null,
  epoch      integer not null references fees.epochs (number),
  sub_units  numeric(100, 0) not null check (sub_units >= 0),
  is_folded  boolean not null default false,
  primary key (pool, epoch)
) with (fillfactor = 70);

create index pool_epochs_unfolded on fees.pool_epochs (epoch) where not is_folded;

-- What of a pool's folded total no member has: fewer sub-units than it has members.
create table fees.pools (
  pool       text primary key,
  folded     numeric(100, 0) not null,
  remainder  numeric(100, 0) not null
);

-- What the control account holds by the batches, and what payees and pools are owed below a unit: kept side by side, and
-- equal, or the transaction that would part them fails.
create table fees.control (
  only_row   boolean primary key default true check (only_row),
  units      numeric(78, 0) not null,
  sub_units  numeric(100, 0) not null,
  constraint control_holds_the_fractions check (units * 18446744073709551616 = sub_units)
);

insert into fees.control (units, sub_units) values (0, 0);

-- Refunds and reallocations. One that is not applied is tentative: nothing else is planned until the ledger has taken or
-- refused it, so at most one is.
create table fees.corrections (
  sale_id   text not null references fees.routings (sale_id),
  kind           text not null check (kind in ('refund', 'reallocation')),
  name           text not null,
  units          numeric(78, 0) check ((units > 0) = (kind = 'refund')),
  parts          numeric(78, 0)[],   -- a refund's, of each leg
  share_to       text[],             -- a reallocation's
  share_weights  numeric(20, 0)[],
  advances       jsonb not null,     -- [{ party, creditor, amount }]
  repayments     jsonb not null,     -- [{ receivable, amount }]
  batch_id       bigint not null unique references fees.batches (id),
  recorded_at    timestamptz not null,
  is_applied     boolean not null default false,
  primary key (sale_id, kind, name)
);

create unique index corrections_tentative on fees.corrections ((true)) where not is_applied;

-- What parties were paid and had to give back after it had matured, and who advanced it. Paid back oldest first.
create table fees.receivables (
  id           bigint generated always as identity primary key,
  party        text not null,
  creditor     text not null,   -- the account that advanced it
  sale_id text not null,
  correction   text not null,   -- the name of what called for it
  units        numeric(78, 0) not null check (units > 0),
  outstanding  numeric(78, 0) not null check (outstanding between 0 and units),
  recorded_at  timestamptz not null
);

create index receivables_outstanding on fees.receivables (party, id) where outstanding > 0;
