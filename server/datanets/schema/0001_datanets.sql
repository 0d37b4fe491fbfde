create schema datanets;

create table datanets.datanets (
  id            text primary key,
  name          text not null unique,
  title         text not null,
  description   text not null,
  owner_id      text not null,
  licences      text[] not null,
  -- Key of the hashes that stand for e-mail addresses. Never leaves this table.
  identity_key  bytea not null check (octet_length(identity_key) = 32),
  -- Contributions ever accepted: the last sequence number given out.
  records       bigint not null default 0,
  created_at    timestamptz not null
);

create table datanets.imports (
  id            text primary key,
  datanet_id    text not null references datanets.datanets,
  party_id      text not null,
  name          text not null,
  -- The cursor: lines dealt with, and the digest chained over them.
  taken         bigint not null default 0,
  digest        text not null,
  accepted      bigint not null default 0,
  rejected      jsonb not null default '{}',
  created_at    timestamptz not null,
  updated_at    timestamptz not null,
  unique (datanet_id, party_id, name)
);

-- A text in a datanet, contributed or derived.
create table datanets.records (
  datanet_id         text not null references datanets.datanets,
  hash               text not null,
  text               text not null,
  size_bytes         integer not null,
  quality            integer not null check (quality between 0 and 1000000),
  quality_version    text not null,
  withdrawn_at       timestamptz,
  withdrawal_reason  text,
  created_at         timestamptz not null,
  primary key (datanet_id, hash)
);

create table datanets.contributions (
  id           text primary key,
  datanet_id   text not null,
  record_hash  text not null,
  sequence     bigint not null,
  party_id     text not null,
  import_id    text references datanets.imports,
  licence      text not null,
  source       jsonb not null,
  metadata     jsonb not null,
  -- [{ party, identity, weight }], sorted by party, weights summing to 2^64.
  owners       jsonb not null,
  created_at   timestamptz not null,
  unique (datanet_id, record_hash),
  unique (datanet_id, sequence),
  foreign key (datanet_id, record_hash) references datanets.records
);

-- What was done to a record. An unchanged one stands for itself; any other is replaced by its lineage.
create table datanets.refinements (
  datanet_id   text not null,
  parent_hash  text not null,
  refinement   text not null,
  refiner_id   text not null,
  unchanged    boolean not null,
  created_at   timestamptz not null,
  primary key (datanet_id, parent_hash, refinement),
  foreign key (datanet_id, parent_hash) references datanets.records
);

create unique index one_change_a_record
  on datanets.refinements (datanet_id, parent_hash)
  where not unchanged;

create table datanets.lineage (
  datanet_id   text not null,
  parent_hash  text not null,
  refinement   text not null,
  position     integer not null,
  child_hash   text not null,
  -- For each line of the child, the line of the parent it came from, both from 1.
  lines        integer[] not null,
  primary key (datanet_id, parent_hash, refinement, position),
  foreign key (datanet_id, parent_hash, refinement) references datanets.refinements,
  foreign key (datanet_id, child_hash) references datanets.records
);

create index lineage_child on datanets.lineage (datanet_id, child_hash);

create table datanets.snapshots (
  id           text primary key,
  datanet_id   text not null references datanets.datanets,
  sequence     integer not null,
  hash         text not null unique,
  root         text not null,
  -- Canonical texts: the manifest and the unigram table.
  manifest     text not null,
  information  text not null,
  sealed_at    timestamptz not null,
  unique (datanet_id, sequence)
);

create table datanets.entitlements (
  hash    text primary key,
  vector  jsonb not null
);

create table datanets.leaves (
  snapshot_id    text not null references datanets.snapshots,
  position       integer not null,
  datanet_id     text not null,
  record_hash    text not null,
  -- The contribution's record that this one was cut from, or the record itself.
  document_hash  text not null,
  owners_hash    text not null references datanets.entitlements,
  information    bigint not null,
  quality        integer not null,
  licence        text not null,
  source         jsonb not null,
  contributors   text[] not null,
  -- The pool version from which the record no longer counts.
  withdrawn_from integer,
  primary key (snapshot_id, position),
  unique (snapshot_id, record_hash)
);

create index leaves_record on datanets.leaves (datanet_id, record_hash);

create table datanets.pools (
  snapshot_id  text not null references datanets.snapshots,
  version      integer not null,
  -- Empty when nothing counts any more.
  vector       jsonb not null,
  created_at   timestamptz not null,
  primary key (snapshot_id, version)
);
