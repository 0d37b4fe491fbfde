-- A source that grows is imported in rounds: each is an import of its own, and begins where the one before ended.
alter table datanets.imports
  add column round    integer not null default 1,
  -- What the round before had reached, and what this one has once it is finished, in the words of whoever imports.
  add column since    text,
  add column reached  text,
  drop constraint imports_datanet_id_party_id_name_key,
  add unique (datanet_id, party_id, name, round);
