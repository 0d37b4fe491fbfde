-- What is done with personal data in what is contributed, chosen when the datanet is made.
alter table datanets.datanets
  add column personal_data text not null default 'keep' check (personal_data in ('refuse', 'redact', 'keep'));

-- How much of each kind was found in what an import brought and the datanet took.
alter table datanets.imports add column personal_data jsonb not null default '{}';
