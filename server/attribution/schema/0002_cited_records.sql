-- Which inferences a record was found in.
create index attributions_by_record
  on attribution.attributions
  using gin (jsonb_path_query_array(evidence, '$.spans[*] ? (@.echo == false).records[*].record'));
