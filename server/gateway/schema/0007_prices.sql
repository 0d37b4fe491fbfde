-- What each operator has asked for each model, version by version; rows are only added. `document` is the canonical JSON whose
-- SHA-256 is `hash`. What was asked before this table was there gets its first version where it is read next.
create table gateway.prices (
  hash      text primary key check (hash ~ '^[0-9a-f]{64}$'),
  model     text not null,
  operator  text not null references gateway.operators (name),
  since     timestamptz not null,
  document  text not null,
  unique (model, operator, since)
);
