-- Vectors of records' texts by an embedder elsewhere, so that a restart does not pay for them again.
create table datanets.embeddings (
  datanet_id   text not null,
  record_hash  text not null,
  -- Model and dimensions.
  embedder     text not null,
  -- Of unit length, 32-bit floats, least significant byte first.
  vector       bytea not null,
  primary key (datanet_id, embedder, record_hash),
  foreign key (datanet_id, record_hash) references datanets.records
);
