create schema models;

-- A training run: from a recipe on sealed snapshots to a model.
create table models.runs (
  id          text primary key,
  kind        text not null check (kind in ('base', 'adapter')),
  name        text not null,
  builder_id  text not null,
  recipe      jsonb not null,
  status      text not null check (status in ('queued', 'running', 'done', 'failed')),
  progress    jsonb,
  losses      jsonb not null default '[]',   -- [[step, loss], ...], thinned to a curve
  evaluation  jsonb,
  failure     text,
  created_at  timestamptz not null,
  started_at  timestamptz,
  ended_at    timestamptz
);

-- A model somebody can call. Its snapshots are its lineage: what its data leg is paid for.
create table models.models (
  id                  text primary key,
  name                text not null unique,
  kind                text not null check (kind in ('base', 'adapter', 'external')),
  base_id             text references models.models,
  run_id              text unique references models.runs,
  builder_id          text not null,
  operator            text not null,
  operator_model      text not null,
  hash                text,                  -- of its files; null where they are not ours to see
  snapshots           jsonb not null,
  influence_adapters  integer not null default 0 check (influence_adapters >= 0),
  prompt_units        numeric(78, 0) not null check (prompt_units >= 0),
  completion_units    numeric(78, 0) not null check (completion_units >= 0),
  default_max_tokens  integer not null check (default_max_tokens > 0),
  max_tokens          integer not null check (max_tokens >= default_max_tokens),
  created_at          timestamptz not null,
  check ((kind = 'adapter') = (base_id is not null))
);
