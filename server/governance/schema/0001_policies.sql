create schema governance;

-- Fee policies by content. `document` is the canonical JSON whose SHA-256 is `hash`.
create table governance.policies (
  hash      text primary key check (hash ~ '^[0-9a-f]{64}$'),
  document  text not null
);

-- Which policy rules from when on. The newest term that has begun is in force.
create table governance.terms (
  since  timestamptz primary key,
  hash   text not null references governance.policies (hash)
);
