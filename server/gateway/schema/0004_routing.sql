-- Servers of more kinds; each kind but the local engine has an address.
alter table gateway.operators drop constraint operators_kind_check;
alter table gateway.operators drop constraint operators_check;
alter table gateway.operators add constraint operators_kind_check
  check (kind in ('local', 'openai', 'vllm', 'llama.cpp', 'ollama', 'anthropic'));
alter table gateway.operators add constraint operators_address_check check ((kind = 'local') = (base_url is null));

-- What an operator has at stake; routing may prefer it. Written when staking comes.
alter table gateway.operators add column stake_units numeric(78, 0) not null default 0 check (stake_units >= 0);

-- Who else may serve a model, beside the operator that it was registered with.
create table gateway.offers (
  model             text not null,                         -- its name
  operator          text not null references gateway.operators (name),
  operator_model    text not null,                         -- the operator's own name of it
  prompt_units      numeric(78, 0) not null check (prompt_units >= 0),
  completion_units  numeric(78, 0) not null check (completion_units >= 0),
  weight            integer not null check (weight between 0 and 1000),
  tier              integer not null check (tier between 0 and 100),  -- lower is asked first
  created_at        timestamptz not null,
  primary key (model, operator)
);

-- The attempts before the one that ended the call: [{operator, outcome, ms}], or null where the first one did.
alter table gateway.inferences add column failed_attempts jsonb;
