-- The snapshot of another datanet that this one went on from.
alter table datanets.datanets add column branched_from text references datanets.snapshots;

create index datanets_branched_from on datanets.datanets (branched_from) where branched_from is not null;
