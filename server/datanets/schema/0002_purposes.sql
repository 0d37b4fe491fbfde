-- What a record's contributors allow of what its licence permits; null: all of it.
alter table datanets.contributions add column purposes text[];
