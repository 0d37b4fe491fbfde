-- The call whose answer was given again by this one.
alter table gateway.inferences add column cached_from text references gateway.inferences;

-- Which call's answer may be given again, and for which request of its payer. The answer itself stands in the call's record.
create table gateway.cached_answers (
  payer_id      text not null,
  request_hash  text not null,                           -- SHA-256 of all that the answer hangs on
  inference_id  text not null references gateway.inferences,
  cached_at     timestamptz not null,
  primary key (payer_id, request_hash)
);

create index cached_answers_by_age on gateway.cached_answers (cached_at);
