-- Who may read the texts: anybody, whom the owner has let in, or whoever pays for each record.
alter table datanets.datanets
  add column access      text not null default 'open' check (access in ('open', 'request', 'paid')),
  -- The price of one record.
  add column read_units  numeric(78, 0) not null default 0 check (read_units >= 0),
  add check ((access = 'paid') = (read_units > 0));

-- Parties that have asked to read, or that the owner has decided about.
create table datanets.readers (
  datanet_id    text not null references datanets.datanets,
  party_id      text not null,
  state         text not null check (state in ('requested', 'granted', 'refused')),
  reason        text not null,
  requested_at  timestamptz,
  decided_at    timestamptz,
  decided_by    text,
  primary key (datanet_id, party_id),
  check ((state = 'requested') = (decided_at is null))
);

-- Records that were read for pay. Written before it is posted; where the ledger refuses, it is deleted.
create table datanets.reads (
  id           text primary key,
  datanet_id   text not null references datanets.datanets,
  reader_id    text not null,
  key_id       text not null,
  -- The datanet's, when it was read.
  owner_id     text not null,
  records      text[] not null check (cardinality(records) > 0),
  units        numeric(78, 0) not null check (units > 0),
  policy_hash  text not null,
  -- Whose the records are: an entitlement vector.
  shares       jsonb not null,
  read_at      timestamptz not null,
  posted_at    timestamptz
);

create index reads_of_reader on datanets.reads (reader_id, datanet_id, read_at);
create index reads_unposted on datanets.reads (read_at) where posted_at is null;
