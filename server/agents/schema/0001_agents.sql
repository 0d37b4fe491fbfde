create schema agents;

create table agents.agents (
  id          text primary key,
  party_id    text not null references identity.parties,
  key_id      text not null unique references identity.keys,
  name        text not null,
  created_at  timestamptz not null,
  unique (party_id, name)
);
