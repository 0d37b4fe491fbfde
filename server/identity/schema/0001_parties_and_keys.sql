create schema identity;

create table identity.parties (
  id            text primary key,
  identity      text not null unique,
  kind          text not null,
  display_name  text,
  -- What the first mention said beside the name. Later mentions cannot rewrite it.
  hints         jsonb not null default '{}',
  created_at    timestamptz not null,
  check (identity like kind || ':%')
);

create table identity.keys (
  id            text primary key,
  party_id      text not null references identity.parties,
  -- The key that made this one; null for the first.
  maker_key_id  text references identity.keys,
  -- SHA-256 of the secret, which is stored nowhere.
  secret_hash   text not null unique,
  hint          text not null,
  label         text not null,
  scopes        text[] not null,
  limit_units   numeric(78, 0) check (limit_units >= 0),
  models        text[],
  expires_at    timestamptz,
  revoked_at    timestamptz,
  created_at    timestamptz not null
);

create index on identity.keys (party_id);
create index on identity.keys (maker_key_id);

-- Every wallet a party ever had; the one without an end is in force.
create table identity.wallets (
  party_id     text not null references identity.parties,
  address      text not null check (address ~ '^0x[0-9a-f]{40}$'),
  -- The signed message and its signatures; null where the party's identity is the address itself.
  proof        jsonb,
  bound_at     timestamptz not null,
  replaced_at  timestamptz
);

create unique index one_wallet_in_force on identity.wallets (party_id) where replaced_at is null;
create index on identity.wallets (address);

create table identity.challenges (
  id          text primary key,
  party_id    text not null references identity.parties,
  address     text not null,
  replaces    text,
  message     text not null,
  expires_at  timestamptz not null,
  used_at     timestamptz
);

create table identity.claims (
  id           text primary key,
  party_id     text not null references identity.parties,
  claimant_id  text not null references identity.parties,
  evidence     text not null,
  state        text not null check (state in ('open', 'granted', 'superseded')),
  created_at   timestamptz not null,
  check (party_id <> claimant_id)
);

create unique index one_open_claim on identity.claims (party_id, claimant_id) where state = 'open';
create unique index one_granted_claim on identity.claims (party_id) where state = 'granted';

create table identity.attestations (
  claim_id     text not null references identity.claims,
  attester_id  text not null references identity.parties,
  statement    text not null,
  attested_at  timestamptz not null,
  primary key (claim_id, attester_id)
);
