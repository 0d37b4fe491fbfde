create schema attribution;

-- Who has what part in one inference, and why. Written once.
create table attribution.attributions (
  inference_id   text primary key,
  id             text not null unique,
  policy_hash    text not null,
  snapshots      jsonb not null,            -- [{ snapshot, hash, role, pool }]; empty: no registered data
  shares         jsonb not null,            -- [{ to, weight }], sorted, weights summing to 2^64; empty: no registered data
  evidence       jsonb,                     -- as receipts state it; null where there was nothing to trace against
  channels       jsonb,                     -- as receipts state them; null where nothing was measured beside the trace
  total          numeric(20, 0) not null,   -- information of the words that are not echo, 1/65,536 bits
  covered        numeric(20, 0) not null,   -- the part of it that records cover
  attributed_at  timestamptz not null
);
