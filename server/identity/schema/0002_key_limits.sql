-- More limits of a key, beside the most that it may ever spend. Null or absent: none. The gateway holds them.
alter table identity.keys
  add column daily_units          numeric(78, 0) check (daily_units >= 0),       -- the most a day (UTC)
  add column model_units          jsonb check (jsonb_typeof(model_units) = 'object'), -- the most ever, by model, as decimal texts
  add column requests_per_minute  integer check (requests_per_minute > 0),
  add column tokens_per_minute    integer check (tokens_per_minute > 0);
