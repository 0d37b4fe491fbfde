create schema receipts;

-- One row a leaf of the log. Written once.
create table receipts.receipts (
  id            text primary key,
  subject       text not null unique,      -- what it is a receipt for: an inference, or a reversing transaction
  kind          text not null check (kind in ('receipt', 'reversal')),
  inference_id  text not null,
  payer_id      text not null,
  readers       text[] not null,           -- parties that have a part in it, the payer among them
  hash          text not null unique,
  document      text not null,             -- the receipt in canonical JSON
  signer        text not null,
  signature     text not null,
  leaf_index    bigint not null unique,
  issued_at     timestamptz not null
);

create index receipts_of_payer on receipts.receipts (payer_id, id);
create index receipts_of_inference on receipts.receipts (inference_id);

-- What opens a receipt's commitments. Deleting a row erases for good.
create table receipts.salts (
  inference_id  text primary key,
  request       text not null,
  output        text not null
);

-- Full nodes of the log's tree: node (level, index) spans 2^level leaves from index * 2^level on.
create table receipts.nodes (
  level  smallint not null,
  index  bigint not null,
  hash   bytea not null check (length(hash) = 32),
  primary key (level, index)
);

-- Heads of the log that were signed.
create table receipts.checkpoints (
  size       bigint primary key,
  root       text not null,
  note       text not null,
  signed_at  timestamptz not null
);
