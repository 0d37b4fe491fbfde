-- Who wrote which lines: [[lines, [places in owners]]]; null: all wrote all.
alter table datanets.contributions add column authorship jsonb;

-- What stands first in the record and whose it is. Null in snapshots sealed before: their records count whole.
alter table datanets.leaves
  add column owned_hash text references datanets.entitlements,
  add column owned_information bigint;
