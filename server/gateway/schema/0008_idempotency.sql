-- Requests that their clients have given a name, so that sending one again makes no second call. A key stands for one call of its
-- payer: claimed before anything happens, opened together with that call's record, and from then on whatever the record says.
create table gateway.idempotency_keys (
  payer_id      text not null,
  key           text not null,
  request_hash  text not null,                           -- SHA-256 of the surface and the body
  inference_id  text not null,                           -- the call, on record once the key is opened
  is_opened     boolean not null default false,
  claimed_at    timestamptz not null,
  primary key (payer_id, key)
);

create index idempotency_keys_by_age on gateway.idempotency_keys (claimed_at);

-- What its payer lets others have, who let others have theirs.
alter table gateway.cached_answers add column is_shared boolean not null default false;
create index cached_answers_shared on gateway.cached_answers (request_hash) where is_shared;
