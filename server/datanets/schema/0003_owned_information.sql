-- Who wrote which lines: [[lines, [places in owners]]]; null: all wrote all.
alter table datanets.contributions add column authorship jsonb;

-- What stands first in the record and whose it is, and whose each of its words is: [[words, hash of the owners' vector]].
alter table datanets.leaves
  add column owned_hash text not null references datanets.entitlements,
  add column owned_information bigint not null,
  add column owner_map jsonb not null,
  add column map_hash text not null;

-- Whose a record is, where somebody says that it is not its owners'.
create table datanets.disputes (
  id              text primary key,
  datanet_id      text not null,
  record_hash     text not null,
  kind            text not null check (kind in ('near_duplicate', 'earlier_proof')),
  -- Who would own it: the owners of an earlier record, or a party with a proof.
  earlier_hash    text,
  claimant_id     text,
  -- Disputed tokens: [[from, to]]; null: all.
  spans           jsonb,
  similarity_ppm  integer,
  evidence        text not null,
  -- A party of its own: what the disputed text earns waits with it until the dispute is closed.
  escrow_id       text not null,
  state           text not null check (state in ('open', 'upheld', 'dismissed')),
  opened_at       timestamptz not null,
  closed_at       timestamptz,
  closed_by       text,
  reason          text,
  check ((earlier_hash is null) <> (claimant_id is null)),
  check ((state = 'open') = (closed_at is null)),
  foreign key (datanet_id, record_hash) references datanets.records,
  foreign key (datanet_id, earlier_hash) references datanets.records,
  unique (datanet_id, record_hash, earlier_hash),
  unique (datanet_id, record_hash, claimant_id)
);

create index disputes_escrow on datanets.disputes (escrow_id);
