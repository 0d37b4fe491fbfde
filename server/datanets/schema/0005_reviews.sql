create table datanets.reviewers (
  datanet_id   text not null references datanets.datanets,
  party_id     text not null,
  role         text not null check (role in ('curator', 'validator')),
  -- Nothing is bound by it yet.
  stake_units  numeric(78, 0) not null default 0 check (stake_units >= 0),
  created_at   timestamptz not null,
  primary key (datanet_id, party_id)
);

-- A datanet without a row has the defaults of review-rules.ts.
create table datanets.review_rules (
  datanet_id               text primary key references datanets.datanets,
  quorum                   integer not null check (quorum between 1 and 101),
  threshold_ppm            integer not null check (threshold_ppm between 1 and 1000000),
  minimum_reputation_ppm   integer not null check (minimum_reputation_ppm between 0 and 1000000)
);

create table datanets.votes (
  submission_id  text not null references datanets.submissions,
  party_id       text not null,
  datanet_id     text not null,
  accept         boolean not null,
  reason         text not null,
  -- Whether it was decided so; null until it is.
  upheld         boolean,
  created_at     timestamptz not null,
  primary key (submission_id, party_id)
);

create index votes_party on datanets.votes (datanet_id, party_id);
