-- Money for refining a sealed snapshot, paid by what held-out questions gain.
create table datanets.bounties (
  id            text primary key,
  datanet_id    text not null references datanets.datanets,
  snapshot_id   text not null references datanets.snapshots,
  funder_id     text not null,
  kind          text not null,
  instructions  text not null,
  reward        numeric(78, 0) not null check (reward >= 0),
  target_ppm    integer not null check (target_ppm between 1 and 1000000),
  -- SHA-256 over the salt and the questions, which are shown when the bounty is closed.
  commitment    text not null,
  salt          text not null,
  questions     jsonb not null,
  submit_until  timestamptz not null,
  decide_until  timestamptz not null check (decide_until >= submit_until),
  -- The snapshot's own score; the sum of accepted deltas, which may fall; and the highest that it was, which is paid.
  base_ppm      integer not null,
  level_ppm     integer not null default 0,
  best_ppm      integer not null default 0 check (best_ppm >= 0),
  accepted      integer not null default 0,
  paid          numeric(78, 0) not null default 0 check (paid between 0 and reward),
  -- Null until the ledger has the reward; till then nobody sees the bounty.
  funded_at     timestamptz,
  closed_at     timestamptz,
  created_at    timestamptz not null
);

create index bounties_datanet on datanets.bounties (datanet_id, id);

create table datanets.submissions (
  id            text primary key,
  bounty_id     text not null references datanets.bounties,
  party_id      text not null,
  -- Names of refiners; null: made by hand.
  pipeline      text[],
  -- [{ parent, refinement, adds, children: [{ hash, lines, text }] }]; the texts go when it is decided.
  work          jsonb not null,
  state         text not null check (state in ('pending', 'accepted', 'rejected', 'lapsed')),
  -- What a review must say. Not null: a honeypot, which is never accepted.
  known_answer  boolean,
  -- Of an accepted one: its place among them, what was taken of it, and what it changed.
  place         integer,
  outcome       jsonb,
  units         numeric(78, 0) not null default 0,
  created_at    timestamptz not null,
  decided_at    timestamptz,
  unique (bounty_id, place),
  check (state = 'accepted' or units = 0),
  check (state <> 'accepted' or known_answer is null)
);

create index submissions_bounty on datanets.submissions (bounty_id, id);

-- Moves of a bounty's money, planned in the transaction that decides them and posted under a key of their own.
create table datanets.bounty_payments (
  bounty_id   text not null references datanets.bounties,
  -- 'bounty.funded', 'bounty.paid:<submission>', 'bounty.returned'
  act         text not null,
  party_id    text not null,
  units       numeric(78, 0) not null check (units > 0),
  posted_at   timestamptz,
  primary key (bounty_id, act)
);

create index bounty_payments_due on datanets.bounty_payments (bounty_id) where posted_at is null;
